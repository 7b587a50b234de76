"""What a network is made of: volume, parameters, multiply-adds, memory and field of each layer."""

from striate.anatomy.dissection import dissect, opened
from striate.anatomy.layer import Layer
from striate.anatomy.table import Anatomy

__all__ = ["Anatomy", "Layer", "dissect", "opened"]
