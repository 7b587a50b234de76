"""Distributed data-parallel training."""
