"""Answer of detection: the boxes found in an image, each with its class and score, best first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.errors import printable
from striate.plotting.labeled_boxes import LabeledBox, draw_labeled_boxes
from striate.tasks.answers import Answers
from striate.tasks.colors import class_colors, color_classes
from striate.tasks.detection.binned import EVEN, THRESHOLD
from striate.tasks.detection.metrics import keep_sure
from striate.text import MISSING, format_percent, shorten_name

_SCORE, _CLASS = 4, 5  #: columns of a decoded box
_DIGITS = 2  #: of a corner in CSV and JSON


@dataclass(frozen=True, slots=True)
class FoundBox:
    """A box in pixels of the image, right and bottom exclusive."""

    name: str  #: of its class
    score: float  #: 0 to 1
    corners: tuple[float, float, float, float]  #: left, top, right, bottom

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; the score is rounded to six decimals."""
        corners = [round(corner, _DIGITS) for corner in self.corners]
        return {"class": self.name, "score": round(self.score, 6), "box": corners}

    @property
    def place(self) -> str:
        """Its corners in whole pixels: "10, 20 to 40, 60"."""
        left, top, right, low = (f"{corner:.0f}" for corner in self.corners)
        return f"{left}, {top} to {right}, {low}"


@dataclass(frozen=True, slots=True)
class BoxAnswer:
    """The boxes found in one image, best first.

    In a CSV a box has a row, and an image without one a row with empty cells: with the image's path
    before them, such a table is one of boxes that `check` and `train` read.
    """

    boxes: tuple[FoundBox, ...] = ()
    names: tuple[str, ...] = field(default=(), repr=False)  #: of all classes, for their colors
    most: int = field(default=3, repr=False)  #: classes listed in a table

    @classmethod
    def of(cls, decoded: NDArray[Any], spec: TargetSpec, most: int) -> BoxAnswer:
        """Return the answer of decoded boxes (D, 6), best first; those of class -1 are none."""
        boxes = tuple(
            FoundBox(spec.names[int(index)], score, (left, top, right, low))
            for left, top, right, low, score, index in decoded.astype(np.float64).tolist()
            if index >= 0
        )
        return cls(boxes, spec.names, most)

    def draw(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw the boxes with names and scores over the image (H, W, 1 or 3): (H, W, 3)."""
        colors = color_classes(self.names)
        shown = [
            LabeledBox(
                box.corners,
                f"{shorten_name(printable(box.name))} {box.score:.2f}",
                colors[box.name],
            )
            for box in self.boxes
        ]
        return draw_labeled_boxes(pixels, shown)

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """The class, the score and the corners of a box."""
        return "class", "score", "xmin", "ymin", "xmax", "ymax"

    @property
    def columns(self) -> tuple[str, ...]:
        """How many boxes of each class there are, the best score, and where that box is."""
        return "boxes", "best score", "best box"

    def csv_rows(self) -> tuple[tuple[str, ...], ...]:
        """Return a row a box; one with empty cells without any."""
        rows = (
            (box.name, f"{box.score:.6f}", *(f"{corner:.{_DIGITS}f}" for corner in box.corners))
            for box in self.boxes
        )
        return tuple(rows) or (self.csv_cells(),)

    def csv_cells(self) -> tuple[str, ...]:
        """Return the row of the best box, of empty cells without any."""
        return self.csv_rows()[0] if self.boxes else ("",) * len(self.csv_columns)

    def cells(self) -> tuple[str, ...]:
        """Return a cell for each of `columns`."""
        if not self.boxes:
            return "none", MISSING, MISSING
        best = self.boxes[0]
        return self._counted(), format_percent(best.score), f"{best.name} {best.place}"

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return the boxes with their scores, the best first."""
        return (
            ("box", "score"),
            *((f"{box.name} {box.place}", format_percent(box.score)) for box in self.boxes),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"boxes": [box.to_json() for box in self.boxes]}

    def _counted(self) -> str:
        """Return "12 RBC, 1 WBC", the most frequent classes."""
        counts = Counter(box.name for box in self.boxes).most_common()
        told = ", ".join(f"{count:,} {name}" for name, count in counts[: self.most])
        more = len(counts) - self.most
        return f"{told} and {more} more" if more > 0 else told


#: of an example beside an exported model
_PYTHON = """\
least = constants.get("threshold", [0.5] * len(names))
for *corners, share, k in decoded:
    if k >= 0 and share >= least[int(k)]:
        print(path, names[int(k)], f"{share:.4f}", *(f"{edge:.1f}" for edge in corners))
"""


_SCRIPT = """\
const least = constants.threshold ?? names.map(() => 0.5), rows = [], boxes = [];
for (let at = 0; at < decoded.length; at += 6) {
  const [share, k] = decoded.slice(at + 4, at + 6);
  if (k < 0 || share < least[k]) continue;
  rows.push([names[k], share, percent(share), true, colors[k]]);
  boxes.push([...decoded.slice(at, at + 4), colors[k]]);
}
const found = [...new Set(rows.map(row => row[0]))];
const count = name => `${rows.filter(row => row[0] === name).length} ${name}`;
return {title: found.map(count).join(", ") || "none", rows, boxes};"""


@dataclass(frozen=True)
class BoxAnswers(Answers):
    """The boxes whose probability reaches the threshold of their class."""

    name: ClassVar[str] = "detection"
    kind: ClassVar[str] = "boxes"
    head: ClassVar[str] = "boxes"
    decodes: ClassVar[str] = "boxes"
    pipeline: ClassVar[str] = "object-detection"

    @property
    def blank(self) -> BoxAnswer:
        """No box."""
        return BoxAnswer()

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """(K,): the probability from which on a box is an answer."""
        return np.array(self.spec.constants.get(THRESHOLD, (EVEN,) * len(self.spec.names)))

    def restore(
        self, decoded: NDArray[Any], preprocess: Preprocess, size: tuple[int, int]
    ) -> NDArray[Any]:
        """Return boxes in pixels of their image, clipped to it."""
        corners = preprocess.restore_boxes(decoded[:, :4], *size)
        return np.concatenate((corners, decoded[:, 4:]), axis=1)

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        return _PYTHON

    def write_script(self) -> str:
        """Return lines that show the boxes, and draw them over the image."""
        return f"const colors = {class_colors(len(self.spec.names)).tolist()};\n{_SCRIPT}"

    def answer(self, decoded: NDArray[Any], top: int) -> BoxAnswer:
        """Return the boxes (D, 6) whose probability reaches the threshold of their class."""
        return BoxAnswer.of(keep_sure(decoded, self.thresholds), self.spec, top)
