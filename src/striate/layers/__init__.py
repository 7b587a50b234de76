"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.activations import Arctan, ScaledTanh
from striate.layers.auxiliary import Outputs, Tapped
from striate.layers.bilinear import bilinear_upsampling
from striate.layers.branches import (
    Branches,
    conv_norm_relu,
    dropout_head,
    fork,
    inner_average,
    path,
)
from striate.layers.chain import chain
from striate.layers.connections import PartialConv2d
from striate.layers.local import LocallyConnected1d, LocallyConnected2d
from striate.layers.radial import RadialOutput
from striate.layers.regions import RegionPool, pool_regions
from striate.layers.response_norm import ResponseNorm
from striate.layers.skeleton import skeletons
from striate.layers.subsampling import Subsampling

__all__ = [
    "Arctan",
    "Branches",
    "LocallyConnected1d",
    "LocallyConnected2d",
    "Outputs",
    "PartialConv2d",
    "RadialOutput",
    "RegionPool",
    "ResponseNorm",
    "ScaledTanh",
    "Subsampling",
    "Tapped",
    "bilinear_upsampling",
    "chain",
    "conv_norm_relu",
    "dropout_head",
    "fork",
    "inner_average",
    "path",
    "pool_regions",
    "skeletons",
]
