"""Records of a cache entry: one per image, as a structured array.

    index.json    version, size and hashes of the pixels, SHA-256 of the records, all findings
    records.npy   (N,) of columns.RECORD

Streamed images have no pixels; only these two files are stored.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from striate import storage
from striate.cache_store import file_digest, hashes
from striate.data.listing.columns import RECORD, Records, findings_from_json, findings_to_json
from striate.storage import ARRAY_DAMAGE

VERSION = 2  #: version of the file layout and of the decoder output
PIXELS, INDEX, RECORDS = "pixels.npy", "index.json", "records.npy"


def write_records(folder: Path, records: Records) -> None:
    """Write both files; pixels, if any, must already be written."""
    table = io.BytesIO()
    np.save(table, records.table, allow_pickle=False)
    storage.write(folder / RECORDS, table.getvalue())
    index = {
        "version": VERSION,
        "pixels": _pixels(folder),
        "records": file_digest(folder / RECORDS),
        "findings": findings_to_json(records.findings),
    }
    storage.write(folder / INDEX, json.dumps(index))


def read_records(folder: Path, count: int) -> Records | None:
    """Read the records of `count` images; None if they or the pixels are missing or corrupt."""
    try:
        index = storage.read_json(folder / INDEX)
        if index["version"] != VERSION or index["records"] != file_digest(folder / RECORDS):
            return None
        table = np.load(folder / RECORDS, allow_pickle=False)
        if table.shape != (count,) or table.dtype != RECORD or index["pixels"] != _pixels(folder):
            return None
        return Records(table, findings_from_json(index["findings"]))
    except (OSError, *ARRAY_DAMAGE):
        return None


def _pixels(folder: Path) -> dict[str, Any] | None:
    """Return size and hashes of the pixels; None if there are none."""
    file = folder / PIXELS
    return {"bytes": file.stat().st_size, "sha256": hashes(file)} if file.exists() else None
