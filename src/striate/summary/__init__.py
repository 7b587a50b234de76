"""Network summary: output shape, parameters, MACs, memory and receptive field per layer."""

from striate.summary.layer import Layer
from striate.summary.summarize import opened, summarize
from striate.summary.table import Summary

__all__ = ["Layer", "Summary", "opened", "summarize"]
