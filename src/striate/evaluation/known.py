"""The training images of a run, matched by the SHA-256 of their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate import storage
from striate.data.listing.columns import Records
from striate.errors import StorageError
from striate.legacy import upgrade_sample
from striate.model import Ensemble, Model
from striate.options import EvaluateOptions
from striate.training.run import Run


@dataclass(frozen=True)
class Known:
    """SHA-256 digests of a run's images."""

    run: Run | None  #: None: the images of several runs
    digests: NDArray[np.bytes_]  #: (N,)
    train: NDArray[np.bool_]  #: (N,) whether in the training split
    test: NDArray[np.bool_]  #: (N,) whether in the test split

    @classmethod
    def of(cls, run: Run) -> Known | None:
        """Read a run's image list; None if missing or incomplete, as beside a stray model file."""
        digests, train, test = bytearray(), bytearray(), bytearray()
        try:
            for entry in storage.read_json_lines(run.images_file):
                if isinstance(entry, StorageError):
                    return None
                sample = upgrade_sample(entry)
                digests += bytes.fromhex(sample["sha256"]).ljust(32, b"\0")[:32]
                train.append(sample["split"] == "train")
                test.append(sample["split"] == "test")
        except (StorageError, ValueError, LookupError, TypeError):
            return None
        splits = (np.frombuffer(split, np.bool_) for split in (train, test))
        return cls(run, np.frombuffer(digests, "S32"), *splits)

    @property
    def left_out(self) -> Path | None:
        """The list of the images that the run left out, if there is one."""
        return self.run.left_out_file if self.run and self.run.left_out_file.is_file() else None

    def are(self, records: Records) -> bool:
        """Whether at least half of these images belong to the run."""
        return 2 * int(np.isin(_digests(records), self.digests).sum()) >= len(records)

    def find_trained(self, records: Records) -> NDArray[np.bool_]:
        """Return which (N,) images are in the training split."""
        return np.isin(_digests(records), self.digests[self.train])

    def trained(self, records: Records) -> int:
        """Count the images that are in the training split."""
        return int(self.find_trained(records).sum())

    def count_test(self, records: Records) -> int | None:
        """Record in the run that its test images are opened, if any are among these.

        Returns how often they were by now, None if that cannot be recorded; 0 if none is among
        them, or the images are those of several runs.
        """
        opened = int(np.isin(_digests(records), self.digests[self.test]).sum())
        return self.run.count_test(opened) if self.run and opened else 0


@dataclass(frozen=True)
class Judged:
    """A model that is to be judged, one of several."""

    model: Model | Ensemble
    shown: str
    known: Known | None = None  #: the images of its run
    own: Path | None = None  #: the image folder of its run

    def left_out(self, data: Path, options: EvaluateOptions) -> Path | None:
        """Return the list of images to leave out: that of the options, or of its run's own."""
        listed = self.known.left_out if self.known and data == self.own else None
        return options.leave_out or listed

    def is_new(self, records: Records) -> bool:
        """Whether its run is known not to have had most of these images."""
        return self.known is not None and not self.known.are(records)


def run_of(model: str | Path) -> Run:
    """Return the run of a run folder or model file; an empty run for a file outside one."""
    place = Path(model)
    return Run(place if place.is_dir() else place.parent)


def _digests(records: Records) -> NDArray[np.bytes_]:
    return np.ascontiguousarray(records.digests).view("S32")[:, 0]
