"""The table of tasks says where the test images do not show that the network does better."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    return importlib.import_module("tabulated.tasks")


def record(name: str, **others: Any) -> dict[str, Any]:
    first = {"name": "PSNR", "value": 25.0, "low": 23.0, "high": 27.0}
    return {"data": name, "scores": [first], "baseline": {"value": 24.0}, **others}


def test_a_gain_image_by_image_is_believed_before_the_interval_of_the_figure(table: ModuleType):
    records = [
        record("within"),
        record("paired", gain={"value": 1.0, "low": 0.5, "high": 1.5}),
        record("worse", gain={"value": 1.0, "low": -0.1, "high": 2.1}),
    ]
    assert [*table.not_better(records, {})] == [
        "The test images do not show that the network does better than what is to beat on "
        "`within`, `worse`: image by image where that is known, else by its interval."
    ]


def test_errors_are_better_the_lower_they_are(table: ModuleType):
    first = {"name": "MAE", "low": 1.0, "high": 2.0}
    assert [table.better(first, value, None) for value in (0.5, 1.5, 2.5)] == [False, False, True]


def test_answers_for_the_same_images_are_compared_one_by_one(table: ModuleType):
    mine = record("pictures", each=[20.0, 30.0, 26.0, 24.0])
    rival = {"way": "a filter", "value": 24.0, "each": [19.0, 28.0, 25.0, 24.0]}
    gain = table.paired(mine, rival)
    half = 1.96 * (2 / 3) ** 0.5 / 2
    assert gain == pytest.approx({"value": 1.0, "low": 1 - half, "high": 1 + half})
    assert table.apart(gain) == "; +1.00 (+0.20 to +1.80)"
    assert table.paired(record("pictures"), rival) is None
