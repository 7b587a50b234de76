"""Batch norm folded into the convolution before it: faster inference, equal up to rounding.

A norm in evaluation mode scales and shifts each channel by constants, which the weights and bias of
a convolution can hold: Jacob et al., Quantization and training of neural networks for efficient
integer-arithmetic-only inference, CVPR 2018, section 3.2, https://arxiv.org/abs/1712.05877
"""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from striate.layers.fast_cpu import CoveringConv2d
from striate.layers.padding import SameConv2d

_CONVS = (nn.Conv2d, SameConv2d, CoveringConv2d)


def fold_norms(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode, with each norm that follows a convolution folded into it.

    Folds where both are neighbors in an nn.Sequential, and neither has hooks or is of a subclass
    that is not ours; all else is copied as it is.
    """
    folded = copy.deepcopy(network).eval()
    for block in list(folded.modules()):
        if type(block) is nn.Sequential:
            for (conv_name, conv), (norm_name, norm) in pairwise(list(block.named_children())):
                if _folds(conv, norm):
                    assert isinstance(conv, nn.Conv2d)
                    assert isinstance(norm, nn.BatchNorm2d)
                    setattr(block, conv_name, fuse_conv_bn_eval(conv, norm))
                    setattr(block, norm_name, nn.Identity())
    return folded


def _folds(conv: nn.Module, norm: nn.Module) -> bool:
    plain = type(conv) in _CONVS and type(norm) is nn.BatchNorm2d
    kinds = ("_forward_hooks", "_forward_pre_hooks")
    hooked = any(getattr(layer, kind) for layer in (conv, norm) for kind in kinds)
    return plain and not hooked and norm.running_mean is not None
