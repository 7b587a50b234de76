"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.auxiliary import Outputs, Tapped
from striate.layers.chain import chain
from striate.layers.skeleton import skeletons

__all__ = ["Outputs", "Tapped", "chain", "skeletons"]
