"""Tables of what tells classes apart that were never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulated.grid import grid

_FIGURES = {"recall_at_1": "recall at 1", "pair_auroc": "AUROC of pairs"}
_TITLES = {
    "garments-new": "garments: 5 kinds trained on",
    "digits-new": "digits: 0 to 4 trained on",
    "digits-turned": "digits: 0 to 4, turned and mirrored, as 40 classes trained on",
}


def new_classes(record: dict[str, Any]) -> str:
    """Recall at 1 and area of pairs of each way, with intervals, and the spread over seeds."""
    rows = [
        (way, *(_with_interval(found[name]) for name in _FIGURES))
        for way, found in record["found"].items()
    ]
    seeds = record["seeds"]
    shown = (", ".join(f"{100 * each[name]:.1f}" for each in seeds) for name in _FIGURES)
    rows.append((f"embedding, by each of {len(seeds)} seeds", *shown))
    minutes = sum(each["cpu_minutes"] for each in seeds) / len(seeds)
    head = (
        f"{_TITLES[record['data']]}; {record['images']:,} images of {record['classes']} new ones; "
        f"{minutes:.1f} minutes of one core a training"
    )
    return f"{head}\n\n{grid(('', *_FIGURES.values()), ['---', '---:', '---:'], rows)}\n"


def _with_interval(found: dict[str, float]) -> str:
    value, low, high = (f"{100 * found[name]:.1f}" for name in ("value", "low", "high"))
    return f"{value} % ({low} to {high} %)"


def code_features(record: dict[str, Any]) -> str:
    """Accuracy of a linear model on each kind of features, with its interval."""
    rows = [
        (way, f"{found['numbers']:,}", _with_interval(found))
        for way, found in record["found"].items()
    ]
    (tests,) = {found["images"] for found in record["found"].values()}
    head = f"`{record['network']}`; {tests:,} test images of ten kinds of garments"
    return f"{head}\n\n{grid(('given', 'numbers', 'accuracy'), ['---', '---:', '---:'], rows)}\n"


def one_class(record: dict[str, Any]) -> str:
    """Mean area over the classes for each way, and the least and the most."""
    rows = list[tuple[str, ...]]()
    classes = record["classes"]
    for way in classes[0]["area"]:
        values = sorted(each["area"][way]["value"] for each in classes)
        rows.append((way, *(f"{value:.3f}" for value in (_mean(values), values[0], values[-1]))))
    rejected, found = (
        _mean([each[name]["value"] for each in classes])
        for name in ("good_rejected", "others_found")
    )
    minutes = _mean([each["cpu_minutes"] for each in classes])
    head = (
        f"{record['data']}: each of {len(classes)} classes good in turn, up to {record['train']} "
        f"of its images to train on, {minutes:.1f} minutes of one core each; at the limit "
        f"{100 * rejected:.0f} % of the good and {100 * found:.0f} % of the others are called odd"
    )
    heads = ("AUROC", "mean of the classes", "worst", "best")
    return f"{head}\n\n{grid(heads, ['---', '---:', '---:', '---:'], rows)}\n"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def faces(record: dict[str, Any]) -> str:
    """What each round of learning from its own false alarms brings."""
    rows = [
        (
            str(each["round"]),
            _right(each),
            "yes" if each["face_found"] else "no",
            str(each["other_boxes"]),
            f"{sum(each['false_alarms'].values()):,}",
        )
        for each in record["rounds"]
    ]
    last = record["rounds"][-1]
    alarms = ", ".join(f"{name.partition('.')[0]} {n}" for name, n in last["false_alarms"].items())
    head = (
        f"{last['crops']} crops held out, of which the nearest crop by pixels tells "
        f"{_right(record['nearest_crop'])}; {last['windows']:,} windows of the portrait "
        f"and {last['windows_without_face']:,} of six photographs without a face. "
        f"False alarms at last: {alarms}"
    )
    heads = ("round", "crops right", "face found", "other boxes there", "false alarms elsewhere")
    return f"{head}\n\n{grid(heads, ['---:'] * 5, rows)}\n"


def _right(found: dict[str, float]) -> str:
    return _with_interval({**found, "value": found["right"]})
