"""Rotation: whether a picture is upright."""
