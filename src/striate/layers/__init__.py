"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.chain import chain

__all__ = ["chain"]
