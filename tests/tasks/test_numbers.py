"""Answers that are not finite are refused in words, and JSON has None for what is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest

from striate.errors import ModelError
from striate.tasks.numbers import check_finite, known


def test_an_answer_of_any_shape_that_is_not_finite_is_named():
    answers = np.zeros((3, 2, 2), np.float32)
    check_finite(answers, ("a.png", "b.png", "c.png"), "model")
    answers[1, 0, 1], answers[2, 1, 1] = np.nan, np.inf
    with pytest.raises(ModelError) as caught:
        check_finite(answers, ("a.png", "b.png", "c.png"), "model")
    assert str(caught.value) == (
        "model: it answers 2 of 3 images with numbers that are not finite, b.png first;\n"
        "its weights are damaged or diverged: use an earlier checkpoint"
    )


def test_what_is_undefined_is_none_however_deep():
    values = {"a": math.nan, "b": {"c": np.float64("nan"), "d": 1}, "e": "word", "f": 0.5}
    assert known(values) == {"a": None, "b": {"c": None, "d": 1}, "e": "word", "f": 0.5}
