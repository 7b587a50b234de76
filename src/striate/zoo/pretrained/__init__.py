"""Weights that others publish: where they lie, what they call our tensors, how they are put in.

Nothing here needs torchvision, timm or the network before weights from there are asked for.
"""

from striate.zoo.pretrained.expectation import PretrainedInput, expected_input
from striate.zoo.pretrained.fitting import load_pretrained, spread_channels
from striate.zoo.pretrained.timm_models import timm_card

__all__ = [
    "PretrainedInput",
    "expected_input",
    "load_pretrained",
    "spread_channels",
    "timm_card",
]
