"""From a signal to a network's input: length, normalization, picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.data.signals.signal_input import SignalInput


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


@pytest.mark.parametrize(
    ("fit", "length", "expected"),
    [
        ("letterbox", 3, [1, 2, 3]),
        ("letterbox", 7, [1, 2, 3, 4, 5, 0, 0]),
        ("crop", 3, [2, 3, 4]),
        ("crop", 7, [0, 1, 2, 3, 4, 5, 0]),
        ("stretch", 5, [1, 2, 3, 4, 5]),
        ("stretch", 10, [1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.25, 4.75, 5]),
    ],
)
def test_a_signal_is_cut_padded_or_interpolated_to_its_length(
    fit: str, length: int, expected: list[float]
) -> None:
    made = SignalInput(length, 1, fit).fit_signal(column(1, 2, 3, 4, 5))  # type: ignore[arg-type]
    assert made.shape == (length, 1)
    assert made[:, 0].tolist() == expected


def test_statistics_are_those_of_each_channel_over_all_samples() -> None:
    rows = np.random.default_rng(0).normal((3, -1), (2, 0.1), (40, 50, 2)).astype(np.float32)
    view = SignalInput(50, 2).with_statistics(iter(rows))
    assert np.allclose(view.mean, rows.astype(np.float64).mean(axis=(0, 1)))
    assert np.allclose(view.std, rows.astype(np.float64).std(axis=(0, 1)))
    seen = view.normalize(torch.from_numpy(rows))
    assert seen.shape == (40, 2, 50)
    assert torch.allclose(seen.mean(dim=(0, 2)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(seen.std(dim=(0, 2)), torch.ones(2), atol=1e-3)
    assert view.padding == pytest.approx(-np.array(view.mean) / view.std)


def test_a_channel_that_never_changes_is_not_divided_by_zero() -> None:
    view = SignalInput(4, 1).with_statistics([column(5, 5, 5, 5)])
    assert (view.mean, view.std) == ((5.0,), (1.0,))
    assert not view.normalize(torch.full((1, 4, 1), 5.0)).any()


def test_it_says_in_words_what_it_takes() -> None:
    assert SignalInput(1250, 2, "stretch").describe() == "1,250 samples, 2 channels, stretch"
    assert SignalInput(187, 1).describe() == "187 samples, 1 channel, letterbox"


def test_a_trace_goes_from_low_to_high() -> None:
    rising = SignalInput(100, 1).pictures(np.linspace(0, 1, 100, dtype=np.float32)[:, None])
    drawn = (rising < 200).any(axis=2)
    down = [int(np.flatnonzero(drawn[:, at])[0]) for at in (20, 120, 220)]
    assert rising.shape == (240, 240, 3)
    assert down == sorted(down, reverse=True)
    assert down[0] - down[-1] > 60
