"""Files of rows, one for each image, that workers fill and later runs map into memory."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOVED_BYTES = 1 << 24


def allocate_rows(file: Path, shape: tuple[int, ...], dtype: str = "uint8") -> None:
    """Create an array of zeros and reserve its disk space, so that a full disk fails here."""
    np.lib.format.open_memmap(file, "w+", np.dtype(dtype), shape)
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("r+b") as opened:
        try:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
        except OSError as error:
            # The file system cannot preallocate: a full disk is detected while writing.
            if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
                raise


def compact_rows(file: Path, usable: NDArray[np.bool_]) -> None:
    """Remove the rows of unusable images, in place."""
    if usable.all():
        return
    array = np.load(file, mmap_mode="r+")
    kept = np.flatnonzero(usable)
    step = max(1, _MOVED_BYTES // array[0].nbytes)
    for first in range(0, len(kept), step):
        chosen = kept[first : first + step]
        array[first : first + len(chosen)] = array[chosen]
    array.flush()
    start, shape, dtype = array.offset, (len(kept), *array.shape[1:]), array.dtype
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": dtype.str, "fortran_order": False, "shape": shape}
    )
    # NumPy pads headers so that the first dimension may change without moving the data.
    assert header.tell() == start
    with file.open("r+b") as opened:
        opened.write(header.getvalue())
        opened.truncate(start + int(np.prod(shape)) * dtype.itemsize)
