"""Results of answered pictures: what is printed of them, and what their report shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.tasks.figures import Score
from striate.tasks.overview import Overview, Printed, score_rows
from striate.tasks.pictures.metrics import PSNR, SSIM, PictureMetrics, Words, collect
from striate.tasks.pictures.remarks import make_remarks, tell_code
from striate.tasks.pictures.sections import make_sections
from striate.tasks.results import About, Baseline, Told
from striate.tasks.sections import Remark, Section, same_answer


class PictureResults(Printed, PictureMetrics):
    """Answered and true pictures of N images, their figures, and the sections of their report."""

    def scores(self) -> tuple[Score, ...]:
        """Return PSNR and SSIM, means over images; without SSIM of pictures too small for it."""
        named = zip((PSNR, SSIM), self.figures, strict=True)
        return tuple(
            Score(figure, one.value, one.low, one.high, one.n) for figure, one in named if one.n
        )

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): root mean squared error of each image, in gray levels."""
        return 255 * 10 ** (-self.psnr / 20)

    def tell(self, row: int) -> Told:
        """Return the PSNR of an image; no words say what is true."""
        return Told("", f"{PSNR.title} {PSNR.show(float(self.psnr[row]))}")

    def baseline(self) -> Baseline:
        """Return the mean PSNR of the best answer without a network."""
        return Baseline(self.to_beat, self.baseline_name)

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the PSNR, and whether the network is worth it."""
        return make_remarks(self)

    def sections(self) -> Iterator[Section]:
        """Yield the figures, and strips of the worst and of typical images."""
        return make_sections(self, self.scores())

    def to_json(self) -> dict[str, Any]:
        """Return everything but the pictures."""
        about = self.about
        return {
            **self.about.to_json(PSNR),
            "psnr": self.figures[0].to_json(),
            "ssim": self.figures[1].to_json(),
            "unit": PSNR.unit,
            "baseline": {"psnr": self.baseline().value, "rule": self.baseline_name},
            "gain": self.gain.to_json(),
            **({} if self.words.code is None else {"code": self.words.code, "values": self.values}),
            "worst": [
                {"row": strip.row, "path": about.paths[strip.row], "psnr": strip.psnr}
                for strip in self.worst
            ],
        }

    def _overview(self, most: int) -> Overview:
        found = score_rows(self.scores())
        beat = "PSNR to beat", PSNR.show(self.baseline().value), f"({self.baseline_name})"
        notes = [self.about.caution(PSNR), tell_code(self)]
        notes += [same_answer(len(self))] * self.constant
        return Overview(
            self.about, self.words.asked, [*found, beat], (), [note for note in notes if note]
        )


def make_results(
    batches: Iterable[tuple[NDArray[Any], Any]], words: Words, about: About
) -> PictureResults:
    """Compare batches of decoded pictures with the targets of their pairs.

    Raises ModelError for answers that are not finite.
    """
    found = collect(batches, words, about)
    return PictureResults(**{field.name: getattr(found, field.name) for field in fields(found)})
