"""Tables of what a look inside takes: feature maps of every layer, class maps of many images."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from tabulated.grid import grid, listed, measured_on, spread

_WRITERS = {
    "striate": "striate, from the loaded model and the image's file",
    "process": "striate, the whole command",
    "torchvision": "torchvision, a grid without words",
    "matplotlib": "matplotlib, an axis for each of the first 64 channels",
}
_MAKERS = {
    "forward": "forward pass alone",
    "striate": "striate, Grad-CAM",
    "cam": "striate, CAM",
    "captum": "Captum, `LayerGradCam`",
    "grad-cam": "pytorch-grad-cam, `GradCAM`",
}


def feature_maps(record: dict[str, Any]) -> str:
    """Seconds and megabytes of the pictures of every layer."""
    rows = [
        (
            _WRITERS[name],
            _seconds(seconds),
            _seconds(record["processor_seconds"][name]),
            f"{record['files'][name]}",
            f"{record['megabytes'][name]:.1f}",
        )
        for name, seconds in record["seconds"].items()
    ]
    heads = ("", "seconds", "of all processors", "files", "MB")
    return f"{_head(record)}\n\n{grid(heads, ['---', *['---:'] * 4], rows)}\n"


def class_maps(record: dict[str, Any]) -> str:
    """Seconds of each method, beside those of the forward passes, and how far maps differ."""
    forward = record["seconds"]["forward"]
    apart = {name: f"{each:.0e}" for name, each in record["largest_difference"].items()}
    rows = [
        (
            _MAKERS[name],
            _seconds(seconds),
            _seconds(record["processor_seconds"][name]),
            f"{_paired(seconds, forward):.2f}",
            apart.get(name, ""),
        )
        for name, seconds in record["seconds"].items()
    ]
    heads = ("", "seconds", "of all processors", "times the forward pass", "largest difference")
    return f"{_head(record)}\n\n{grid(heads, ['---', *['---:'] * 4], rows)}\n"


def _head(record: dict[str, Any]) -> str:
    rounds = len(record["seconds"]["striate"])
    return (
        f"{record['data']}. {measured_on(record)}; {listed(record['versions'])}. Medians of n = "
        f"{rounds}, least and most in brackets."
    )


def _seconds(values: Sequence[float]) -> str:
    return spread({"median": median(values), "min": min(values), "max": max(values)}, 2)


def _paired(values: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratio of rounds."""
    return median(one / other for one, other in zip(values, others, strict=True))
