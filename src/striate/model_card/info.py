"""What a model file is, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from striate.data.decoding.preprocess import Preprocess
from striate.errors import printable
from striate.provenance import Provenance, Scores
from striate.tasks.answers import Answers
from striate.text import (
    columns,
    format_amount,
    format_percent,
    html_table,
    join_few,
    name_inputs,
)

_SPLITS = "train", "validation", "test"
#: facts that are told elsewhere
_ELSEWHERE = "images", "weights", "members"
_FITS = {
    "letterbox": "the whole image is shown, padded with black to a square",
    "crop": "the center square is shown",
    "stretch": "the whole image is shown, its sides made equal",
}
_LISTED = 20  #: most names that are listed
_ROW = tuple[str, str]


class Member(NamedTuple):
    """One network of an ensemble."""

    network: str
    scores: Scores | None


@dataclass(frozen=True, repr=False)
class ModelInfo:
    """What a model file is; what is not known is None or empty."""

    file: Path
    form: str  #: "safetensors" or "ONNX"
    bytes: int
    sha256: str  #: of the whole file
    task_name: str
    task: Answers
    network: str
    parameters: int | None  #: None: its code is not here
    views: tuple[Preprocess, ...]  #: how an image becomes the input
    facts: Mapping[str, str]  #: how it was trained
    provenance: Provenance
    rejects: float | None = None  #: share of the known images that is to be rejected
    precision: str = "float32"  #: or "int8"
    source_sha256: str = ""  #: of the model file that was exported
    exported_by: str = ""  #: the version of striate that exported it
    members: tuple[Member, ...] = ()  #: of an ensemble

    @property
    def title(self) -> str:
        """What it is in a line: "classification of 2 classes by lenet5"."""
        spec = self.task.spec
        of = f" of {spec}" if spec.names else ""
        return f"{self.task_name}{of} by {printable(self.network)}"

    @property
    def scores(self) -> Scores | None:
        """What its evaluation measured, where that is known and a figure is defined."""
        scores = self.provenance.scores
        return scores if scores and scores.figures else None

    def sections(self) -> Iterator[tuple[str, list[_ROW]]]:
        """Yield titles and rows of name and value of what is known."""
        parts = {
            "Model": self.model_rows(),
            "Input": self.input_rows(),
            "Answers": self.answer_rows(),
            "Scores": self.score_rows(),
            "Training data": self.data_rows(),
            "Training": self.training_rows(),
            "File": self.file_rows(),
        }
        inputs = self.views[0].inputs
        for title, rows in parts.items():
            told = [(name, name_inputs(text, inputs)) for name, text in rows if text]
            if told:
                yield title, told

    def model_rows(self) -> Iterator[_ROW]:
        """Yield task, targets and network."""
        spec = self.task.spec
        yield "task", self.task_name
        if spec.names:
            yield spec.nouns, f"{len(spec.names):,}: {join_few(list(map(printable, spec.names)))}"
        count = "" if self.parameters is None else f", {self.parameters:,} parameters"
        yield "network", f"{printable(self.network)}{count}"
        for number, member in enumerate(self.members, 1):
            scored = f": {member.scores}" if member.scores and member.scores.figures else ""
            yield f"member {number}", f"{printable(member.network)}{scored}"
        yield "precision", self.precision if self.precision != "float32" else ""
        yield "first weights", printable(self.facts.get("weights", ""))
        yield "their license", printable(self.provenance.license)

    def input_rows(self) -> Iterator[_ROW]:
        """Yield how an image becomes the input."""
        view, *others = self.views
        if others:
            for number, view in enumerate(self.views, 1):
                yield f"view {number}", f"{view.describe()}, {view.interpolation}"
            return
        if view.inputs == "image":
            yield "size", f"{view.sides}, {'gray' if view.channels == 1 else 'color'}"
            yield "fit", f"{view.fit}: {_FITS[view.fit]}"
            yield "resampling", f"{view.interpolation}, with antialiasing"
            if self.task.own_size:
                yield "or as it is", "an image is answered in its own size where the network can"
        else:
            yield "size", view.describe()
        scale = " of values from 0 to 1" if view.inputs == "image" else ""
        for name, values in (("minus mean", view.mean), ("divided by std", view.std)):
            yield name, ", ".join(f"{format_amount(value)}" for value in values) + scale

    def answer_rows(self) -> Iterator[_ROW]:
        """Yield what decides the answers: thresholds, temperature, rejection."""
        for name, text in self.task.tell_constants().items():
            yield name.replace("_", " "), text
        if self.rejects is not None:
            share = format_percent(self.rejects)
            yield "none of these", f"answers so for what looks foreign, and {share} of known images"

    def score_rows(self) -> Iterator[_ROW]:
        """Yield the figures with their intervals, and what a constant answer would score."""
        scores = self.scores
        if scores is None:
            return
        yield "measured on", f"{scores.figures[0].images:,} {scores.split} images"
        for score in scores.figures:
            yield score.figure.title, f"{score.shown}, 95 % interval {score.interval}"
        if scores.baseline:
            yield scores.baseline.always, scores.baseline.show(scores.figures[0])
        yield from self.warning_rows()

    def warning_rows(self) -> Iterator[_ROW]:
        """Yield what to know before believing the figures."""
        scores = self.scores
        if scores is None:
            return
        if scores.leaked:
            yield "leaked", f"{scores.leaked:,} of the images are in an earlier split too"
        if scores.near_leaked:
            yield "nearly leaked", f"{scores.near_leaked:,} look almost like an earlier split's"
        if self.precision == "int8":
            yield "rounded", "measured before the model was rounded to 8 bits"

    def data_rows(self) -> Iterator[_ROW]:
        """Yield the images of the run, and how many there are of each name."""
        data = self.provenance.data
        if data is None:
            yield "images", printable(self.facts.get("images", ""))
            return
        yield "name", printable(data.name)
        counts = (f"{data.images[s]:,} {s}" for s in _SPLITS if s in data.images)
        yield "images", ", ".join(counts)
        yield "SHA-256", f"{data.sha256} (of the list of images, targets and splits)"
        heads, *rows = self.name_counts()
        for name, *numbers in rows[:_LISTED]:
            told = zip(numbers, heads[1:], strict=True)
            yield f"{heads[0]} {printable(name)}", ", ".join(map(" ".join, told))
        if len(rows) > _LISTED:
            yield "others", f"{len(rows) - _LISTED:,} {self.task.spec.nouns}"

    def name_counts(self) -> list[tuple[str, ...]]:
        """Return a row of heads, then one of counts for each of the targets' names."""
        data, names = self.provenance.data, self.task.spec.names
        found = data.per_name if data else {}
        splits = [split for split in _SPLITS if len(found.get(split, ())) == len(names) > 0]
        if not splits:
            return [()]
        rows = zip(names, *([f"{n:,}" for n in found[split]] for split in splits), strict=True)
        return [(self.task.spec.noun, *splits), *rows]

    def training_rows(self) -> Iterator[_ROW]:
        """Yield how it was trained, as the run tells it."""
        for name, text in self.facts.items():
            if name not in _ELSEWHERE:
                yield printable(name), printable(text)

    def file_rows(self) -> Iterator[_ROW]:
        """Yield form, size, digests and versions."""
        yield "form", self.form
        yield "bytes", f"{self.bytes:,}"
        yield "SHA-256", self.sha256
        if self.source_sha256:
            yield "made of", f"a model file with SHA-256 {self.source_sha256}"
        if self.exported_by:
            yield "exported by", f"striate {printable(self.exported_by)}"
        versions = self.provenance.versions.items()
        yield "written by", ", ".join(printable(f"{name} {version}") for name, version in versions)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; what is not known is None or empty."""
        spec = self.task.spec
        return {
            "file": str(self.file),
            "form": self.form,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "task": self.task_name,
            "targets": spec.to_json(),
            "network": self.network,
            "parameters": self.parameters,
            "precision": self.precision,
            "preprocess": [view.to_json() for view in self.views],
            "rejects": self.rejects,
            "facts": dict(self.facts),
            "provenance": self.provenance.to_json(),
            "source_sha256": self.source_sha256 or None,
            "exported_by": self.exported_by or None,
            "members": [
                {"network": each.network, "scores": each.scores and asdict(each.scores)}
                for each in self.members
            ],
        }

    def __repr__(self) -> str:
        lines = [f"{printable(str(self.file))}: {self.title}"]
        for title, rows in self.sections():
            lines += ["", title, *(f"  {line}" for line in columns(rows, left=(0, 1)))]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows: list[Sequence[str]] = [row for _, rows in self.sections() for row in rows]
        return html_table([(self.task_name, printable(str(self.file))), *rows], left=(0, 1))
