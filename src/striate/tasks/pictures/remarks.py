"""Remarks on answered pictures: how far to trust their figures, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from striate.tasks.figures import Score
from striate.tasks.pictures.metrics import PSNR, PictureMetrics
from striate.tasks.sections import Remark, remark_width, same_answer
from striate.text import count_noun

#: width in dB of the interval of a PSNR above which it is only a rough estimate
WIDE = 2.0


def make_remarks(metrics: PictureMetrics) -> Iterator[Remark]:
    """Yield the remarks, the most serious kinds first."""
    yield _precision(metrics)
    if metrics.constant:
        yield Remark(same_answer(len(metrics)), warning=True)
    yield _better(metrics)
    if said := tell_code(metrics):
        yield Remark(said, warning=True)


def tell_code(metrics: PictureMetrics) -> str:
    """Say that the code is no smaller than a picture; "" if it is, or there is no code."""
    code = metrics.words.code
    if code is None or code < metrics.values:
        return ""
    return (
        f"The code has {code:,} numbers and a picture {metrics.values:,}: nothing has to be left "
        "out, so a network may copy pictures and learn nothing about them."
    )


def _precision(metrics: PictureMetrics) -> Remark:
    mean = metrics.figures[0]
    if mean.low is None or mean.high is None:
        start = f"With {count_noun(len(metrics), 'image')} the 95 % interval of the PSNR is unknown"
        return Remark(f"{start}: evaluate on more images.", warning=True)
    width = mean.high - mean.low
    return remark_width("PSNR", len(metrics), PSNR.show(width), rough=width > WIDE)


def _better(metrics: PictureMetrics) -> Remark:
    gain, name = metrics.gain, metrics.baseline_name
    low, high = gain.bounds
    start = f"Without a network, {name} has a PSNR of {PSNR.show(metrics.to_beat)}: the network is"
    if low <= 0 <= high:
        return Remark(f"{start} not clearly better than this baseline.", warning=True)
    way = "better" if low > 0 else "worse"
    least, most = sorted((abs(low), abs(high)))
    apart = Score(PSNR, abs(gain.value), least, most, gain.n)
    said = f"{start} {apart.shown} {way}, image by image (95 % interval {apart.interval})."
    return Remark(said, warning=low < 0)
