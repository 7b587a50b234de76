"""Targets of segmentation: a mask an image, with a class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples, rows_in_split
from striate.data.listing.duplicates import content_ids
from striate.data.listing.masks import MaskCodes, MaskFiles
from striate.data.listing.samples import IGNORE, Finding, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import TargetCounts, Targets
from striate.data.targets.mask_problems import find_copies, find_problems, find_unseen

_TOLD = 3  #: classes in the description of a mask


@dataclass(frozen=True, eq=False)
class MaskTargets(Targets):
    """A mask an image; what is in them is known once they are decoded."""

    mask_files: MaskFiles  #: N
    #: (N,) of `columns.mask_record`; None before decoding
    records: NDArray[np.void] | None = field(default=None, repr=False)

    @property
    def files(self) -> MaskFiles:
        return self.mask_files

    @property
    def values(self) -> NDArray[np.int64]:
        """Pixels of each class in each mask, (N, classes); the masks themselves are decoded rows.

        Raises ValueError before decoding.
        """
        if self.records is None:
            raise ValueError("masks are counted when they are decoded")
        return self.records["pixels"].astype(np.int64)

    def __len__(self) -> int:
        return len(self.files.paths)

    def select(self, rows: NDArray[Any]) -> MaskTargets:
        records = None if self.records is None else self.records[rows]
        return replace(self, mask_files=self.files.select(rows), records=records)

    def recorded(self, records: Records) -> MaskTargets:
        return replace(self, records=records.masks)

    def aligned(self, spec: TargetSpec) -> MaskTargets:
        """Return the same masks, to be decoded to the class indices of `spec`."""
        if spec.names == self.spec.names:
            return replace(self, spec=spec)
        place = {IGNORE: IGNORE}
        place |= {at: spec.names.index(name) for at, name in enumerate(self.spec.names)}
        values, colors = (
            tuple((code, place[index]) for code, index in pairs)
            for pairs in (self.files.codes.values, self.files.codes.colors)
        )
        return MaskTargets(spec, replace(self.files, codes=MaskCodes(values, colors)))

    def ids(self) -> NDArray[Any]:
        """Return integers (N,) that are equal for equal mask files; before decoding all differ."""
        return np.arange(len(self)) if self.records is None else content_ids(self.records["digest"])

    def entry(self, row: int) -> dict[str, Any]:
        entry = {"mask": self.files.paths[row]}
        if self.records is not None:
            entry["mask_sha256"] = self.records["digest"][row].tobytes().hex()
        return entry

    def describe(self, row: int) -> str:
        """Return the most frequent classes: "road 31 %, sky 20 %, tree 9 % and 4 more"."""
        counts = self.values[row]
        order = [at for at in np.argsort(-counts, kind="stable").tolist() if counts[at]]
        shares = counts / max(1, counts.sum())
        told = ", ".join(f"{self.spec.names[at]} {100 * shares[at]:.0f} %" for at in order[:_TOLD])
        more = len(order) - _TOLD
        return f"{told} and {more} more" if more > 0 else told or "no class"

    def problems(
        self,
        images: Samples,
        candidates: Samples,
        findings: Sequence[Finding],  # noqa: ARG002
    ) -> tuple[str, ...]:
        return find_problems(self.spec.names, images, candidates, self._shown)

    def findings(self, images: Samples) -> tuple[Finding, ...]:
        return tuple(find_unseen(self.spec.names, images, self._shown))

    @property
    def _shown(self) -> NDArray[np.bool_] | None:
        """Whether a mask shows a class, (N, classes); None before decoding."""
        return None if self.records is None else self.records["pixels"] > 0

    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:  # noqa: ARG002
        return find_copies(records)

    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        """Count the images that show each class, and its share of the pixels of all classes.

        Raises ValueError before decoding.
        """
        pixels = self.values
        assert self.records is not None
        ignored = int(self.records["ignored"].sum(dtype=np.int64))
        total = pixels.sum(axis=0)
        shares = 100 * total / max(1, total.sum())
        return TargetCounts(
            self._images(pixels),
            {split: self._images(pixels[rows_in_split(images, split)]) for split in splits},
            {"pixels": [_percent(share) for share in shares.tolist()]},
            ignored / max(1, ignored + int(total.sum())),
        )

    def _images(self, pixels: NDArray[np.int64]) -> dict[str, int]:
        shown = (pixels > 0).sum(axis=0).tolist()
        return dict(zip(self.spec.names, shown, strict=True))


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"
