"""Compiled operations of torchvision as references, where they load."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import pytest
import torch


@cache
def operations() -> ModuleType:
    try:
        from torchvision import ops

        ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    except (ModuleNotFoundError, RuntimeError):  # its compiled part does not fit this torch
        pytest.skip("the operations of torchvision do not load")
    return ops
