"""From kernels to a layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import floats
from striate.vision.correlation import Border, Mode

if TYPE_CHECKING:
    from torch import nn
