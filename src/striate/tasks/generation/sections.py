"""Remarks and sections of a report on generated images."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from striate.tasks.generation.metrics import FRECHET, VARIETY, GenerationMetrics
from striate.tasks.sections import (
    Cell,
    Gallery,
    Head,
    Picture,
    Remark,
    Section,
    Table,
    Tile,
    Tiles,
)
from striate.text import count_noun, format_percent

#: variety below which the generator has collapsed
COLLAPSED = 0.3
#: fewest images of which a distance tells much
FEW = 500
#: generated images beside the real one that each is most like
_PAIRS = 12


def make_remarks(metrics: GenerationMetrics) -> Iterator[Remark]:
    """Yield how far to trust the distance, and whether the generator has collapsed."""
    if metrics.variety < COLLAPSED:
        yield Remark(
            f"Generated images vary {format_percent(metrics.variety)} as much as the real ones: "
            "the generator has collapsed to a few of them.",
            warning=True,
        )
    if metrics.frechet.value >= metrics.normal_frechet:
        yield Remark(
            "Images whose pixels are drawn from a normal distribution are nearer to the real ones "
            "than the generated ones are: the generator has learned little yet.",
            warning=True,
        )
    images = count_noun(len(metrics), "image")
    few = " That is few: take it as a rough estimate." if len(metrics) < FEW else ""
    yield Remark(
        f"The Fréchet distance is of {images} and as many generated ones. The fewer images, the "
        "larger it comes out, also between images drawn alike: compare distances of as many images "
        f"only.{few}",
        warning=bool(few),
    )


def make_sections(metrics: GenerationMetrics) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(metrics)
    yield _samples(metrics)
    yield _nearest(metrics)


def _figures(metrics: GenerationMetrics) -> Section:
    frechet, precision, recall = metrics.frechet, metrics.precision, metrics.recall
    known = frechet.low is not None and frechet.high is not None
    reach = f"{FRECHET.show(frechet.low)} to {FRECHET.show(frechet.high)}" if known else "unknown"
    tiles = (
        Tile(FRECHET.show(frechet.value), f"{FRECHET.title}, 95 % interval {reach}"),
        Tile(format_percent(precision.value), "precision: generated images among the real ones"),
        Tile(format_percent(recall.value), "recall: real images among the generated ones"),
        Tile(VARIETY.show(metrics.variety), "variety, of that of the real images"),
    )
    rows = (
        ("generated images", frechet.value),
        ("pixels drawn from a normal distribution", metrics.normal_frechet),
        ("one half of the images with the other", metrics.halves),
    )
    table = Table(
        "What the distance means",
        (Head("compared with the real images", left=True), Head(FRECHET.title)),
        tuple((Cell(name), Cell(FRECHET.show(value))) for name, value in rows),
        titled=True,
    )
    return Section(
        "Metrics",
        "The Fréchet distance compares mean and covariance of features of generated and of real "
        "images (Heusel et al., 2017); 0 is alike. The features are those of a fixed network with "
        "random weights (Naeem et al., 2020), so distances of other programs are not comparable. "
        "A generated image counts for precision if it lies among the real ones, a real one for "
        "recall if it lies among the generated ones (Kynkäänniemi et al., 2019): low precision "
        "says that images look wrong, low recall that kinds of images are missing.",
        (Tiles(tiles), table),
    )


def _samples(metrics: GenerationMetrics) -> Section:
    pictures = tuple(
        Picture(0, "", "A generated image", _shown(sample), neighbors=False, named=False)
        for sample in metrics.samples
    )
    return Section(
        "Generated images",
        "The first ones, not chosen. Look for what repeats and for what no real image shows.",
        (Gallery(pictures),),
    )


def _nearest(metrics: GenerationMetrics) -> Section:
    pictures = list[Picture]()
    for sample, row in zip(metrics.samples[:_PAIRS], metrics.nearest.tolist(), strict=False):
        pictures.append(
            Picture(
                0, "generated", "A generated image", _shown(sample), neighbors=False, named=False
            )
        )
        pictures.append(
            Picture(row, "most like it", "The real image most like it", neighbors=False)
        )
    return Section(
        "Most like them",
        "Beside each generated image the real one of these that is most like it, by its features. "
        "A generator that copies gives pairs that are equal.",
        (Gallery(tuple(pictures), pairs=True),),
    )


def _shown(sample: NDArray[np.uint8]) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return an overlay that is a generated image, whatever is below it."""

    def show(_pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return sample

    return show
