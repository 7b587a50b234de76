"""What a network is made of: each layer's output volume and parameters, without running it."""

from striate.anatomy.table import Anatomy, Layer, dissect

__all__ = ["Anatomy", "Layer", "dissect"]
