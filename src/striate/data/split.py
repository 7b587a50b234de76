"""Which pictures train, which choose the best epoch, which are kept for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from striate.data.listing import Packed, Part, Picture, Record


@dataclass(frozen=True)
class Shares:
    """The shares of a folder's pictures kept from training, where the folder does not say."""

    validation: float
    test: float

    def part(self, digest: str) -> Part:
        """The part a picture falls in, by its content alone.

        The first 52 bits of its SHA-256, read as a number from 0 to 1, decide; so a picture keeps
        its part when others come or go, when it is renamed, and in every run, and so do copies.
        """
        place = int(digest[:13], 16) / 16**13
        if place < self.test:
            return "test"
        return "validation" if place < self.test + self.validation else "train"


def divided(packed: Packed, shares: Shares) -> Packed:
    """Every picture with its part.

    What the folder says stands. Where it names no validation part, the pictures it does not place
    elsewhere are split by content, and a test part is split off too unless the folder names one.
    A class with two different pictures has one to train and one to validate, except where a
    picture stands under several classes: it has one place in all of them.
    """
    given = {picture.part for picture in packed.pictures}
    if "validation" in given:
        parts = [picture.part or "train" for picture in packed.pictures]
    else:
        test = 0.0 if "test" in given else shares.test
        parts = _by_content(packed.pictures, packed.records, Shares(shares.validation, test))
    pictures = (replace(p, part=part) for p, part in zip(packed.pictures, parts, strict=True))
    return replace(packed, pictures=tuple(pictures))


def _by_content(
    pictures: Sequence[Picture], records: Sequence[Record], shares: Shares
) -> list[Part]:
    part_of: dict[str, Part] = {}
    classes: dict[int, set[str]] = {}
    for picture, record in zip(pictures, records, strict=True):
        if picture.part != "test":
            part_of[record.digest] = shares.part(record.digest)
            classes.setdefault(picture.label, set()).add(record.digest)
    for _, digests in sorted(classes.items()):  # by label: the order of the pictures is no matter
        _complete(part_of, sorted(digests))
    return [
        "test" if picture.part == "test" else part_of[record.digest]
        for picture, record in zip(pictures, records, strict=True)
    ]


def _complete(part_of: dict[str, Part], digests: list[str]) -> None:
    """Move a picture of a small class where train or validation would have none of it.

    `digests` are in the order test, validation, train, as `Shares.part` cuts them.
    """
    part_of[digests[-1]] = "train"
    if len(digests) > 1 and all(part_of[digest] != "validation" for digest in digests):
        train = [digest for digest in digests if part_of[digest] == "train"]
        part_of[train[0] if len(train) > 1 else digests[-2]] = "validation"
