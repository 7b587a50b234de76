"""Compiled operations of torchvision as references, where they load."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import pytest


@cache
def operations() -> ModuleType:
    try:
        from torchvision import ops
    except (ModuleNotFoundError, RuntimeError):  # its compiled part does not fit this torch
        pytest.skip("the operations of torchvision do not load")
    return ops
