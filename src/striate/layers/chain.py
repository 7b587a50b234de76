"""Sequential networks whose parts have names."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def chain(**parts: nn.Module) -> nn.Sequential:
    """Parts in order, each under its name: `chain(stem=..., head=...)`."""
    return nn.Sequential(OrderedDict(parts))
