"""What a network is made of: volume, parameters, multiply-adds, memory and field of each layer."""

from striate.summary.layer import Layer
from striate.summary.summarize import opened, summarize
from striate.summary.table import Summary

__all__ = ["Layer", "Summary", "opened", "summarize"]
