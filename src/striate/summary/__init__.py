"""What a network is made of: volume, parameters, multiply-adds, memory and field of each layer."""

from striate.summary.layer import Layer
from striate.summary.summarize import dissect, opened
from striate.summary.table import Anatomy

__all__ = ["Anatomy", "Layer", "dissect", "opened"]
