"""Tables of what tells classes apart that were never trained on."""

from __future__ import annotations

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
