"""API function that checks a folder of images; without a sheet it needs no torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from striate.data.cache.decode_all import decode_records
from striate.data.check import Inspection, inspect_records
from striate.data.readers.scan import scan
from striate.data.traits.read import find_shortcuts_of
from striate.errors import OptionError
from striate.options import CheckOptions
from striate.progress import drain
from striate.storage import check_output
from striate.tasks import check_task, kind_of


def check(data: str | Path, **options: Any) -> Inspection:
    """Check every image of a folder and return the findings; nothing in it is changed.

    Options of augmentation also write a sheet of augmented images, the `sheet` of the result, and
    `sheets` those of doubtful images. Raises DataError when there is no image, OptionError for a
    task that needs other targets.

    >>> striate.check("photos").trainable  # doctest: +SKIP
    True
    """
    chosen = CheckOptions.read(options)
    kind = kind_of(chosen.task)
    listing = scan(data, kind, leave_out=chosen.leave_out, group=chosen.group)
    if chosen.out:
        check_output(chosen.out, [Path(data), *listing.files()])
    check_task(chosen.task, kind, listing.targets.spec)
    if chosen.sheet and listing.inputs != "image":
        raise OptionError(
            f"a sheet shows images as augmentation changes them, but these are {listing.inputs}s; "
            "leave out --augment, --augment-params and --out"
        )
    records = drain(decode_records(listing, quality=True))
    shortcuts = drain(find_shortcuts_of(listing, records))
    inspection = inspect_records(data, listing, records, chosen.leaked)
    named = chosen.task or inspection.task
    inspection = replace(inspection, shortcuts=shortcuts, task=named)
    if chosen.sheets:
        from striate.images.doubtful_sheets import write_sheets

        written = write_sheets(chosen.sheets, listing, records, inspection)
        inspection = replace(inspection, sheets=written)
    if not chosen.sheet:
        return inspection
    from striate.images.contact_sheet import write_sheet  # imported lazily: it needs torch

    return replace(inspection, sheet=write_sheet(data, listing, records, chosen))
