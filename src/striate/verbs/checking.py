"""API function that checks a folder of images; without a sheet it needs no torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from striate.data.check import Inspection, inspect_records
from striate.data.prepare import record_images
from striate.options import CheckOptions
from striate.progress import drain


def check(data: str | Path, **options: Any) -> Inspection:
    """Check every image of a folder and return the findings; nothing in it is changed.

    Any option of `striate check` but `leaked` also writes a sheet of augmented images, the `sheet`
    of the result. Raises DataError when there is no image.

    >>> striate.check("photos").trainable  # doctest: +SKIP
    True
    """
    chosen = CheckOptions.read(options)
    listing, records = drain(record_images(data))
    inspection = inspect_records(data, listing, records, chosen.leaked)
    if not chosen.sheet:
        return inspection
    from striate.images.contact_sheet import write_sheet  # imported lazily: it needs torch

    return replace(inspection, sheet=write_sheet(data, listing, records, chosen))
