"""Blurred, dark, over-exposed and blank images, told by comparison with the rest of their set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples
from striate.data.listing.samples import Finding

_FEWEST = 20  #: images below which none is called unusual
_OUTLYING = 5.0  #: deviations from the median that make a blurred image
_DEVIATION = 1.4826  #: standard deviation of a normal distribution, in median deviations
_LEAST_DEVIATION = 0.08  #: of sharpness: sets of equal images would make all others outliers
_DARK, _BLANK = 50, 8  #: gray levels: the brightest of a dark image, the range of a blank one
_CLIPPED = 1 / 3  #: more of an over-exposed image is clipped than of the median image
_SHADOW = 100  #: gray level that the darkest of an over-exposed image is above


def rank_poor_images(records: Records) -> dict[str, NDArray[np.int64]]:
    """Return kind -> the rows of such images, the worst first; empty if nothing was measured."""
    measured = records.quality
    if measured is None:
        return {}
    sharpness, low, high, clipped = (measured[:, column] for column in range(4))
    rows = np.flatnonzero(np.isfinite(sharpness))
    if not len(rows):
        return {}
    blank = high - low < _BLANK
    shown = rows[~blank[rows]]
    found = {"blank": rows[blank[rows]]}
    if len(shown) < _FEWEST:
        return found
    middle = np.median(sharpness[shown])
    deviation = _DEVIATION * np.median(np.abs(sharpness[shown] - middle))
    least = middle - _OUTLYING * max(float(deviation), _LEAST_DEVIATION)
    dark = min(_DARK, float(np.median(high[shown])) / 2)
    most = float(np.median(clipped[shown])) + _CLIPPED
    found["dark"] = _ordered(shown[high[shown] < dark], high)
    washed = (clipped[shown] > most) & (low[shown] > _SHADOW)
    found["over-exposed"] = _ordered(shown[washed], -clipped)
    lit = shown[high[shown] >= dark]  # of dark images little more than noise is left
    found["blurred"] = _ordered(lit[sharpness[lit] < least], sharpness)
    return found


def poor_findings(
    poor: dict[str, NDArray[np.int64]], images: Samples, records: Records
) -> list[Finding]:
    """Return a finding for each such image, with what was measured."""
    assert records.quality is not None or not poor
    found: list[Finding] = []
    for kind, rows in poor.items():
        for row in rows.tolist():
            sharpness, low, high, clipped = records.quality[row].tolist()  # type: ignore[index]
            said = {
                "blank": f"gray levels {low:.0f} to {high:.0f} of 255",
                "dark": f"95 % of it is below gray level {high + 0.5:.0f} of 255",
                "over-exposed": f"{100 * clipped:.0f} % of it is white",
                "blurred": f"sharpness {sharpness:.1f}",
            }
            found.append(Finding(kind, images.path(row), said[kind]))
    return found


def _ordered(rows: NDArray[np.int64], values: NDArray[np.float32]) -> NDArray[np.int64]:
    return rows[np.argsort(values[rows], kind="stable")]
