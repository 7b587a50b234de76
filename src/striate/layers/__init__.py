"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.auxiliary import Outputs, Tapped
from striate.layers.bilinear import bilinear_upsampling
from striate.layers.chain import chain
from striate.layers.local import LocallyConnected1d, LocallyConnected2d
from striate.layers.regions import RegionPool, pool_regions
from striate.layers.skeleton import skeletons

__all__ = [
    "LocallyConnected1d", "LocallyConnected2d", "Outputs", "RegionPool", "Tapped",
    "bilinear_upsampling", "chain", "pool_regions", "skeletons",
]  # fmt: skip
