"""Kinds of targets: how they are checked, counted, compared and recorded."""
