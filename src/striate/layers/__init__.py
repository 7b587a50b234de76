"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.auxiliary import Outputs, Tapped
from striate.layers.branches import (
    Branches,
    conv_norm_relu,
    dropout_head,
    fork,
    inner_average,
    path,
)
from striate.layers.chain import chain
from striate.layers.skeleton import skeletons

__all__ = [
    "Branches", "Outputs", "Tapped", "chain", "conv_norm_relu", "dropout_head", "fork",
    "inner_average", "path", "skeletons",
]  # fmt: skip
