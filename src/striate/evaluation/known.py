"""What a model was trained on: the images of its run, known again by their content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records
from striate.data.listing.samples import Record
from striate.training.run import Run


@dataclass(frozen=True)
class Known:
    """SHA-256 of the files that a run began with."""

    digests: NDArray[np.bytes_]  #: (N,)
    train: NDArray[np.bool_]  #: (N,) which are of the training split

    @classmethod
    def of(cls, run: Run) -> Known | None:
        """None where the run has no whole list of its images, as beside a model file that moved."""
        digests, train = bytearray(), bytearray()
        try:
            with (run.folder / "pictures.jsonl").open(encoding="ascii") as lines:
                for entry in map(json.loads, lines):
                    digest = bytes.fromhex(entry["sha256"])
                    digests += digest.ljust(32, b"\0")[:32]
                    train.append(entry["part"] == "train")
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return cls(np.frombuffer(digests, "S32"), np.frombuffer(train, np.bool_))

    def are(self, records: Sequence[Record]) -> bool:
        """Whether these are the images of the run: it began with at least half of them."""
        return 2 * int(np.isin(_digests(records), self.digests).sum()) >= len(records)

    def trained(self, records: Sequence[Record]) -> int:
        """How many of these images are of the training split."""
        return int(np.isin(_digests(records), self.digests[self.train]).sum())


def run_of(model: str | Path) -> Run:
    """The run whose folder, or whose model file, this is; an empty one for a file elsewhere."""
    place = Path(model)
    return Run(place if place.is_dir() else place.parent)


def _digests(records: Sequence[Record]) -> NDArray[np.bytes_]:
    return np.ascontiguousarray(Records.of(records).digests).view("S32")[:, 0]
