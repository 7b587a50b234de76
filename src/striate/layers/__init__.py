"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.auxiliary import Outputs, Tapped
from striate.layers.chain import chain
from striate.layers.inverted import Added, ConvNorm, conv_norm, inverted_residual, scaled
from striate.layers.same_padding import SameConv2d, same_padding
from striate.layers.skeleton import skeletons

__all__ = [
    "Added",
    "ConvNorm",
    "Outputs",
    "SameConv2d",
    "Tapped",
    "chain",
    "conv_norm",
    "inverted_residual",
    "same_padding",
    "scaled",
    "skeletons",
]
