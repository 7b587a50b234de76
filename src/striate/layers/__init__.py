"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.activations import Arctan, ScaledTanh
from striate.layers.aux_heads import Outputs, Tapped
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
from striate.layers.inverted import Added, ConvNorm, conv_norm, inverted_residual, scaled
from striate.layers.local import LocallyConnected1d, LocallyConnected2d
from striate.layers.meta_init import skeletons
from striate.layers.radial import RadialOutput
from striate.layers.response_norm import ResponseNorm
from striate.layers.roi_pool import RegionPool, pool_regions
from striate.layers.same_padding import SameConv2d, same_padding
from striate.layers.subsampling import Subsampling

__all__ = [
    "Added",
    "Arctan",
    "Branches",
    "ConvNorm",
    "LocallyConnected1d",
    "LocallyConnected2d",
    "Outputs",
    "PartialConv2d",
    "RadialOutput",
    "RegionPool",
    "ResponseNorm",
    "SameConv2d",
    "ScaledTanh",
    "Subsampling",
    "Tapped",
    "bilinear_upsampling",
    "chain",
    "conv_norm",
    "conv_norm_relu",
    "dropout_head",
    "fork",
    "inner_average",
    "inverted_residual",
    "path",
    "pool_regions",
    "same_padding",
    "scaled",
    "skeletons",
]
