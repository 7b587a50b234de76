"""Layers that torch lacks, and the few blocks that two or more papers share."""

from striate.layers.adversarial import Adversarial, Generated, Judged
from striate.layers.aux_heads import AuxOutputs, WithAuxHeads
from striate.layers.blocks import (
    Added,
    Branches,
    ConvNorm,
    chain,
    conv_norm,
    conv_norm_relu,
    dropout_head,
    fork,
    inner_average,
    inverted_residual,
    path,
    scaled,
)
from striate.layers.boxes import (
    clip_boxes,
    decode_boxes,
    encode_boxes,
    find_overlaps,
    keep_best,
    measure_areas,
    rank,
)
from striate.layers.historic import (
    Arctan,
    PartialConv2d,
    RadialOutput,
    ResponseNorm,
    ScaledTanh,
    Subsampling,
)
from striate.layers.local import LocallyConnected1d, LocallyConnected2d
from striate.layers.meta_init import meta_init
from striate.layers.padding import (
    SameConv2d,
    bilinear_upsampling,
    pad_to_multiple,
    same_padding,
)
from striate.layers.roi_align import align_regions
from striate.layers.roi_pool import RegionPool, pool_regions

__all__ = [
    "Added",
    "Adversarial",
    "Arctan",
    "AuxOutputs",
    "Branches",
    "ConvNorm",
    "Generated",
    "Judged",
    "LocallyConnected1d",
    "LocallyConnected2d",
    "PartialConv2d",
    "RadialOutput",
    "RegionPool",
    "ResponseNorm",
    "SameConv2d",
    "ScaledTanh",
    "Subsampling",
    "WithAuxHeads",
    "align_regions",
    "bilinear_upsampling",
    "chain",
    "clip_boxes",
    "conv_norm",
    "conv_norm_relu",
    "decode_boxes",
    "dropout_head",
    "encode_boxes",
    "find_overlaps",
    "fork",
    "inner_average",
    "inverted_residual",
    "keep_best",
    "measure_areas",
    "meta_init",
    "pad_to_multiple",
    "path",
    "pool_regions",
    "rank",
    "same_padding",
    "scaled",
]
