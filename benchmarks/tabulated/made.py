"""Table of what generated images are worth to a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from tabulated.grid import grid

_PAIRS = (("nothing", "generated images"), ("usual augmentation", "both"))


def augment_with(record: dict[str, Any]) -> str:
    """Mean accuracy of each way, by each seed, and the gain by generated images, seed by seed."""
    accuracy, images, generator = record["accuracy"], record["images"], record["generator"]
    seeds = len(accuracy["nothing"])
    rows = [(way, _percent(mean(values)), _each(values)) for way, values in accuracy.items()]
    distances = ", ".join(f"{value:.2f}" for value in generator["frechet_distance"])
    gains = "; ".join(
        f"{with_them} against {without}: {_gain(accuracy[without], accuracy[with_them])}"
        for without, with_them in _PAIRS
    )
    head = (
        f"{record['data']}: {images['train']:,} images to train on, accuracy on "
        f"{images['test']:,} test images; {generator['network']}, {generator['epochs']} epochs, "
        f"{generator['cpu_minutes']:.1f} minutes of one core, Fréchet distance {distances}"
    )
    heads = ("added to training", f"mean of {seeds} seeds", "each seed")
    return f"{head}\n\n{grid(heads, ['---', '---:', '---:'], rows)}\n\n{gains}.\n"


def _gain(before: Sequence[float], after: Sequence[float]) -> str:
    """The mean gain in points, and the least and the most of the seeds."""
    gains = [100 * (new - old) for old, new in zip(before, after, strict=True)]
    return f"{mean(gains):+.1f} points ({min(gains):+.1f} to {max(gains):+.1f})"


def _each(values: Sequence[float]) -> str:
    return ", ".join(f"{100 * value:.1f}" for value in values)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
