"""API function that checks a folder of images; without a sheet it needs no torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from striate.data.check import Inspection, inspect
from striate.options import CheckOptions


def check(data: str | Path, **options: Any) -> Inspection:
    """Check every image of a folder and return the findings; nothing in it is changed.

    Any option of `striate check` but `leaked` also writes a sheet of augmented images, the `sheet`
    of the result. Raises DataError when there is no image.

    >>> striate.check("photos").trainable  # doctest: +SKIP
    True
    """
    chosen = CheckOptions.read(options)
    if not chosen.sheet:
        return inspect(data, chosen.leaked)
    from striate.images.contact_sheet import write_sheet  # imported lazily: it needs torch

    sheet = write_sheet(data, chosen)
    return replace(inspect(data, chosen.leaked), sheet=sheet)
