"""Metrics of answered pictures, collected image by image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import printable
from striate.metrics.bootstrap import bootstrap_mean
from striate.metrics.estimates import Estimate, Floats
from striate.metrics.pictures import ROUNDED, psnr, ssim
from striate.tasks.figures import Figure
from striate.tasks.numbers import damaged
from striate.tasks.pictures.answer import to_bytes
from striate.tasks.pictures.baselines import Filter
from striate.tasks.pictures.color import Pixels
from striate.tasks.results import About

PSNR = Figure("psnr", "PSNR", form="number", unit="dB")
SSIM = Figure("ssim", "SSIM", form="number")
#: worst and typical images that are kept to be shown
SHOWN = 6
#: most images, evenly spaced, that are answered without a network too
_TRIED = 256
#: images, evenly spaced, of which typical ones are chosen
_SOME = 60


@dataclass(frozen=True, slots=True)
class Words:
    """How a task is spoken of."""

    given: str  #: what the network is given: "small", "noisy"
    filters: Mapping[str, Filter]  #: name -> what is answered without a network
    asked: str  #: "enlarged 2 times"
    code: int | None = None  #: numbers that a picture is squeezed into; None: it is not


@dataclass(frozen=True, slots=True)
class Strip:
    """An image with all that is shown of it, each (h, w, c) uint8."""

    row: int  #: in the evaluation
    psnr: float
    given: Pixels = field(repr=False)
    answer: Pixels = field(repr=False)
    truth: Pixels = field(repr=False)


@dataclass(frozen=True, eq=False, repr=False)
class PictureMetrics:
    """PSNR and SSIM of N images, and PSNR of the best baseline."""

    words: Words
    about: About
    psnr: Floats = field(repr=False)  #: (N,) dB, `ROUNDED` at most
    ssim: Floats = field(repr=False)  #: (N,); NaN where a side is below 7 pixels
    baseline_psnr: Floats = field(repr=False)  #: (N,); NaN where it was not tried
    baseline_name: str
    constant: bool  #: whether all answers are the same picture
    values: int  #: numbers of a picture: width times height times channels
    worst: tuple[Strip, ...] = field(repr=False)  #: the lowest PSNR first
    typical: tuple[Strip, ...] = field(repr=False)  #: around the median

    def __len__(self) -> int:
        return len(self.psnr)

    @cached_property
    def figures(self) -> tuple[Estimate, Estimate]:
        """PSNR and SSIM, means over images with their intervals."""
        return bootstrap_mean(self.psnr), bootstrap_mean(self.ssim)

    @property
    def to_beat(self) -> float:
        """The mean PSNR of the baseline."""
        return float(np.nanmean(self.baseline_psnr))

    @cached_property
    def gain(self) -> Estimate:
        """The PSNR above that of the baseline, image by image, where that was tried."""
        return bootstrap_mean(self.psnr - self.baseline_psnr)

    def resample(self, counts: NDArray[np.int64]) -> Floats:
        """Return the (R,) mean PSNR of images drawn `counts` (R, N) times."""
        return (counts @ self.psnr) / counts.sum(axis=1)


def collect(
    batches: Iterable[tuple[NDArray[Any], Any]], words: Words, about: About
) -> PictureMetrics:
    """Compare decoded pictures (N, C, H, W) with the targets of their `Pairs`, rounded to bytes.

    Raises ModelError for answers that are not finite.
    """
    found = _Comparison(words, about)
    for answers, pairs in batches:
        for answer, given, truth in zip(answers, pairs.inputs, pairs.targets, strict=True):
            found.check_finite(answer)
            found.add(*map(to_bytes, (given, answer, truth)))
    return found.finish()


class _Comparison:
    """What is known of the images that were compared, one after the other."""

    def __init__(self, words: Words, about: About) -> None:
        self.words, self.about = words, about
        self._psnr, self._ssim = list[float](), list[float]()
        images = len(about.paths)
        self._tried = set(np.linspace(0, images - 1, min(images, _TRIED)).round().astype(int))
        self._others = {name: np.full(images, np.nan) for name in words.filters}
        self._worst, self._some = list[tuple[float, int, Strip]](), list[Strip]()
        self._every = max(1, len(about.paths) // _SOME)
        self._first, self._constant, self._values = np.zeros(0, np.uint8), True, 0

    def check_finite(self, answer: NDArray[Any]) -> None:
        """Raise ModelError if the answer for the next image is not finite."""
        if not np.isfinite(answer).all():
            path = printable(self.about.paths[len(self._psnr)])
            raise damaged(self.about.model, f"its answer for {path} is not finite")

    def add(self, given: Pixels, answer: Pixels, truth: Pixels) -> None:
        """Compare the answer for an image with the truth, and what the filters make of it."""
        row, value = len(self._psnr), psnr(answer, truth, most=ROUNDED)
        self._psnr.append(value)
        self._ssim.append(ssim(answer, truth))
        if row in self._tried:
            for name, made in self.words.filters.items():
                self._others[name][row] = psnr(made(given), truth, most=ROUNDED)
        if not row:
            self._first, self._values = answer, truth.size
        self._constant = self._constant and np.array_equal(answer, self._first)
        strip = Strip(row, value, given, answer, truth)
        if row % self._every == 0:
            self._some.append(strip)
        heappush(self._worst, (-value, -row, strip))
        if len(self._worst) > SHOWN:
            heappop(self._worst)

    def finish(self) -> PictureMetrics:
        """Return the metrics of all images."""
        means = {name: float(np.nanmean(values)) for name, values in self._others.items()}
        best = max(means, key=means.__getitem__)
        middle = float(np.median(self._psnr))
        typical = sorted(self._some, key=lambda strip: abs(strip.psnr - middle))[:SHOWN]
        return PictureMetrics(
            self.words,
            self.about,
            np.array(self._psnr),
            np.array(self._ssim),
            self._others[best],
            best,
            self._constant and len(self._psnr) > 1,
            self._values,
            tuple(strip for _, _, strip in sorted(self._worst, reverse=True)),
            tuple(sorted(typical, key=lambda strip: strip.row)),
        )
