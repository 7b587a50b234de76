"""Records of a cache entry: one per image, as a structured array.

    index.json         version, size and hashes of the rows, SHA-256 of the records, all findings
    records.npy        (N,) of columns.RECORD
    mask_records.npy   (N,) of columns.mask_record, if images have masks

Streamed images have no pixels; only these files are stored.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate import storage
from striate.cache_store import file_digest, hashes
from striate.data.listing.columns import RECORD, Records, findings_from_json, findings_to_json
from striate.storage import ARRAY_DAMAGE

VERSION = 5  #: version of the file layout and of the decoder output
PIXELS, MASKS, INDEX = "pixels.npy", "masks.npy", "index.json"
RECORDS, MASK_RECORDS = "records.npy", "mask_records.npy"


def write_records(folder: Path, records: Records) -> None:
    """Write these files; pixels, if any, must already be written."""
    index = {
        "version": VERSION,
        "pixels": _rows(folder / PIXELS),
        "records": _write_table(folder / RECORDS, records.table),
        "findings": findings_to_json(records.findings),
    }
    if records.masks is not None:
        index["masks"] = _rows(folder / MASKS)
        index["mask_records"] = _write_table(folder / MASK_RECORDS, records.masks)
    storage.write(folder / INDEX, json.dumps(index))


def read_records(folder: Path, count: int) -> Records | None:
    """Read the records of `count` images; None if they or the pixels are missing or corrupt."""
    try:
        index = storage.read_json(folder / INDEX)
        if index["version"] != VERSION or index["records"] != file_digest(folder / RECORDS):
            return None
        table = np.load(folder / RECORDS, allow_pickle=False)
        if (
            table.shape != (count,)
            or table.dtype != RECORD
            or index["pixels"] != _rows(folder / PIXELS)
        ):
            return None
        masks = None
        if "mask_records" in index:
            if index["mask_records"] != file_digest(folder / MASK_RECORDS):
                return None
            masks = np.load(folder / MASK_RECORDS, allow_pickle=False)
        if index.get("masks") != _rows(folder / MASKS):
            return None
        return Records(table, findings_from_json(index["findings"]), masks)
    except (OSError, *ARRAY_DAMAGE):
        return None


def _write_table(file: Path, table: NDArray[np.void]) -> str:
    """Write a structured array; return the SHA-256 of the file."""
    written = io.BytesIO()
    np.save(written, table, allow_pickle=False)
    storage.write(file, written.getvalue())
    return file_digest(file)


def _rows(file: Path) -> dict[str, Any] | None:
    """Return size and hashes of a file of rows; None if there is none."""
    return {"bytes": file.stat().st_size, "sha256": hashes(file)} if file.exists() else None
