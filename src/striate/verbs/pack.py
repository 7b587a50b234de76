"""`striate pack`: write an image folder as shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from striate.data.shard_writer import ShardSummary, write_shards
from striate.options import PackOptions
from striate.tasks import kind_of
from striate.verbs import display


def pack(
    data: str | Path, to: str | Path, *, progress: bool = False, **options: Any
) -> ShardSummary:
    """Pack an image folder into shards, which can be used in place of the folder.

    Options are those of `striate pack`. Raises DataError when no image is usable, OptionError when
    `to` exists, StorageError when it cannot be written; `to` is then removed.

    >>> striate.pack("photos", "shards").images  # doctest: +SKIP
    120
    """
    chosen = PackOptions.read(options)
    kind = kind_of(chosen.task)
    work = write_shards(
        data,
        Path(to),
        kind=kind,
        leave_out=chosen.leave_out,
        megabytes=chosen.megabytes,
        largest=chosen.largest,
    )
    return display.show_progress(work, None if progress else Console(quiet=True))
