"""Numbers of results: whether they are finite, and how JSON has those that are undefined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ModelError, printable
from striate.text import count_noun


def check_finite(decoded: NDArray[np.floating[Any]], paths: Sequence[str], model: str) -> None:
    """Raise ModelError if an answer (N, ...) is not finite.

    It tells of how many of the N images, and the first of them.
    """
    broken = np.flatnonzero(~np.isfinite(decoded.reshape(len(paths), -1)).all(axis=1))
    if broken.size:
        images, first = count_noun(len(paths), "image"), printable(paths[int(broken[0])])
        said = f"it answers {len(broken):,} of {images} with numbers that are not finite"
        raise damaged(model, f"{said}, {first} first")


def damaged(model: str, said: str) -> ModelError:
    """Return the ModelError for a model whose answers are not finite, as is said of them."""
    return ModelError(
        f"{printable(model)}: {said};\n"
        "its weights are damaged or diverged: use an earlier checkpoint"
    )


def known(value: Any) -> Any:
    """Return a value, or a dict of them, with None in place of NaN, which JSON has not."""
    if isinstance(value, dict):
        return {name: known(each) for name, each in value.items()}  # pyright: ignore
    return None if isinstance(value, float) and math.isnan(value) else value
