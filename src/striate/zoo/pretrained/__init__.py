"""Weights that others publish: where they lie, what they call our tensors, how they are put in.

Nothing here needs torchvision, timm or the network before weights from there are asked for.
"""

from striate.zoo.pretrained.expectation import Expectation, expects
from striate.zoo.pretrained.fitting import load
from striate.zoo.pretrained.timm_models import adopted_card

__all__ = ["Expectation", "adopted_card", "expects", "load"]
