"""What a network is made of: volume, parameters, multiply-adds, memory and field of each layer."""

from striate.anatomy.dissection import dissect
from striate.anatomy.table import Anatomy, Layer

__all__ = ["Anatomy", "Layer", "dissect"]
