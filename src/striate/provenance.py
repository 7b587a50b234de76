"""Where a trained network comes from: its data, its first weights, and what it scored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from striate.input_description import from_json
from striate.tasks.figures import Score
from striate.tasks.results import Baseline


@dataclass(frozen=True, slots=True)
class Scores:
    """Headline scores of an evaluation."""

    split: str  #: "test", or "validation" without a test split
    figures: tuple[Score, ...]  #: the first leads
    leaked: int = 0  #: images that are in an earlier split too
    #: None: of a run that an earlier version finished, or where the leading figure is undefined
    baseline: Baseline | None = None
    same_answer: bool = False  #: for all images
    near_leaked: int = 0  #: further images that look almost like one in an earlier split
    grouped: bool = False  #: images are in groups

    def __str__(self) -> str:
        lead, baseline = self.figures[0], self.baseline
        always = f" ({baseline.always}: {baseline.show(lead)})" if baseline else ""
        return f"{self.split} {lead}{always}"


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The images that a run was given."""

    name: str  #: of their folder or file, without its place
    sha256: str  #: of the list of images with the target, split and SHA-256 of each
    images: dict[str, int]  #: split -> images
    #: split -> images, or boxes, of each of the targets' names; empty for targets that count none
    per_name: dict[str, list[int]] = field(default_factory=dict[str, list[int]])


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model comes from; what is not known is empty."""

    versions: dict[str, str] = field(default_factory=dict[str, str])  #: of what wrote it
    data: TrainingData | None = None
    license: str = ""  #: of the published weights that the training began with
    scores: Scores | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record in a model file; bytes of names that are no text become "?"."""
        told = json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)
        return json.loads(told.encode("utf-8", "replace"))

    @classmethod
    def restore(cls, values: Mapping[str, Any]) -> Provenance:
        """Return what `to_json` gave. Raises ValueError naming the first invalid field."""
        json.dumps(values, allow_nan=False)  # raises for numbers that JSON has not
        return from_json(cls, values)
