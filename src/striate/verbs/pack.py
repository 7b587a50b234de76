"""`striate pack`: a folder of images as a few large files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from striate.data.shard_writer import ShardSummary, write_shards
from striate.options import PackOptions
from striate.verbs import display


def pack(
    data: str | Path, to: str | Path, *, progress: bool = False, **options: Any
) -> ShardSummary:
    """Pack the images of a folder into shards that can be trained on as the folder can.

    Options are those of `striate pack`. Raises DataError when no image can be used, OptionError
    when `to` exists, StorageError when it cannot be written; nothing is left of it then.

    >>> striate.pack("photos", "shards").images  # doctest: +SKIP
    120
    """
    chosen = PackOptions.read(options)
    work = write_shards(data, Path(to), megabytes=chosen.megabytes, largest=chosen.largest)
    return display.show_progress(work, None if progress else Console(quiet=True))
