"""Shortcuts: classes that are told apart by what should say nothing of them.

A network takes the shortest way to its labels: where all cats came through another camera, in other
files or with a mark in a corner, it may learn that, and fail on the next cat. Geirhos et al.,
"Shortcut learning in deep neural networks", 2020, https://arxiv.org/abs/2004.07780.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from striate.data.traits.measure import GROUPS, NAMED, TRAITS
from striate.data.traits.model import Floats, Labels, Traits, logsumexp, predict_held_out
from striate.metrics.estimates import Estimate, from_hits
from striate.text import count_noun, format_percent, shorten_name

FEWEST = 20  #: images of a class below which it is not judged
FALSE_ALARMS = 0.05  #: share of the other classes' images that may be taken for one of a class
_FOUND, _SURELY = 0.6, 0.5  #: least share of a class found, and of its interval, for a shortcut
_NEAR = 0.1  #: a group that finds this much less than all together explains it on its own
#: groups that may well belong to what is shown
_LOOKS = ("color", "brightness", "sharpness")
_TOGETHER = "color, brightness and sharpness"
_CONTENT = ("bytes", *_LOOKS, _TOGETHER)


@dataclass(frozen=True)
class Shortcut:
    """A class that traits of its images give away."""

    class_name: str
    found: Estimate  #: share of its images found at `FALSE_ALARMS` by all traits together
    groups: tuple[tuple[str, float], ...]  #: that find nearly as many alone, and the share

    @property
    def content(self) -> bool:
        """Whether only colors and the like tell it, which may be what the class is."""
        return bool(self.groups) and all(name in _CONTENT for name, _ in self.groups)

    def __str__(self) -> str:
        names = [name for name, _ in self.groups] or ["traits together"]
        by = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        share, images = format_percent(self.found.value, 0), count_noun(self.found.n, "image")
        what = (
            "fine, if that is what the class is"
            if self.content
            else "a network may learn that instead of what is shown"
        )
        return (
            f"“{shorten_name(self.class_name)}” can be told from the others by {by} alone: "
            f"{share} of {images}, at {format_percent(FALSE_ALARMS, 0)} false alarms; {what}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        groups = [{"group": name, "found": share} for name, share in self.groups]
        return {"class": self.class_name, "found": self.found.to_json(), "groups": groups}


def find_shortcuts(
    numbers: Floats, corners: Floats, labels: Labels, class_names: Sequence[str]
) -> tuple[Shortcut, ...]:
    """Return the classes that traits give away, the clearest first.

    `numbers` (N, T) and `corners` (N, 4, P) are those of `measure`, `labels` (N,) indices of
    `class_names`. All traits together are judged on images held out; then each group of them alone
    says what it is. Classes of fewer than `FEWEST` images are not judged.
    """
    kept = np.flatnonzero(np.bincount(labels, minlength=len(class_names)) >= FEWEST)
    if len(kept) < 2:
        return ()
    rows = np.isin(labels, kept)
    own = np.searchsorted(kept, labels[rows])
    traits = Traits(numbers[rows], np.isin(TRAITS, NAMED), corners[rows])
    hits = _hits(traits, own, len(kept))
    sizes = np.bincount(own)
    found = [from_hits(float(hit), int(size)) for hit, size in zip(hits, sizes, strict=True)]
    told = [at for at, each in enumerate(found) if _is_told(each)]
    if not told:
        return ()
    alone = {name: _hits(part, own, len(kept)) / sizes for name, part in _parts(traits)}
    shortcuts = [
        Shortcut(
            str(class_names[kept[at]]),
            found[at],
            _explain({name: float(shares[at]) for name, shares in alone.items()}, found[at].value),
        )
        for at in told
    ]
    return tuple(sorted(shortcuts, key=lambda each: -each.found.value))


def _is_told(found: Estimate) -> bool:
    return found.value >= _FOUND and found.bounds[0] >= _SURELY


def _hits(traits: Traits, labels: Labels, classes: int) -> Floats:
    """Return of each class (K,) how many images are found at `FALSE_ALARMS`."""
    logs = predict_held_out(traits, labels, classes)
    hits = np.empty(classes)
    for label in range(classes):
        others: Floats = logsumexp(np.delete(logs, label, axis=1))[:, 0]
        odds = logs[:, label] - others
        wrong = np.sort(odds[labels != label])[::-1]
        limit = wrong[math.floor(FALSE_ALARMS * len(wrong))]
        hits[label] = (odds[labels == label] > limit).sum()
    return hits


def _parts(traits: Traits) -> list[tuple[str, Traits]]:
    """Return each group of traits alone, without those that no two images have differently."""
    none = np.empty((len(traits.numbers), 4, 0))
    parts = list[tuple[str, Traits]]()
    looks = tuple(trait for name in _LOOKS for trait in GROUPS[name])
    for name, members in {**GROUPS, _TOGETHER: looks}.items():
        columns = [TRAITS.index(trait) for trait in members]
        values = traits.numbers[:, columns]
        if _differ(values):
            parts.append((name, Traits(values, traits.named[columns], none)))
    blank = Traits(np.empty((len(none), 0)), np.empty(0, np.bool_), traits.corners)
    return [*parts, ("corners", blank)]


def _differ(values: Floats) -> bool:
    """Whether any column (N, C) has two values; NaN is one."""
    return any(len(np.unique(column)) > 1 for column in values.T)


def _explain(alone: dict[str, float], together: float) -> tuple[tuple[str, float], ...]:
    """Return the groups that find nearly as much alone; else the best one, if it finds half."""
    near = {name: share for name, share in alone.items() if share >= together - _NEAR}
    if len(near) > 1:
        near.pop(_TOGETHER, None)
    best = max(alone, key=lambda name: alone[name])
    if not near and alone[best] >= _SURELY:
        near = {best: alone[best]}
    return tuple(sorted(near.items(), key=lambda each: -each[1]))
