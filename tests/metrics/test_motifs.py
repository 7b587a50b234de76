"""Motifs of DNA: bits by hand, and comparisons whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from striate.metrics.motifs import compare_motifs, frequencies, letter_bits


def drawn(seed: int, length: int) -> np.ndarray:
    """A motif whose columns have one letter most of the time."""
    random = np.random.default_rng(seed)
    counts = np.full((length, 4), 2.0)
    counts[np.arange(length), random.integers(0, 4, length)] = 94
    return frequencies(counts, 0)


def test_bits_are_those_computed_by_hand() -> None:
    shares = np.array(
        [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.25, 0.25, 0]]
    )
    assert np.allclose(
        letter_bits(shares),
        [[2, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 0], [0.25, 0.125, 0.125, 0]],
        atol=1e-9,
    )


def test_counts_become_shares_with_a_pseudocount() -> None:
    assert frequencies(np.array([[3.0, 0, 0, 0]])).tolist() == [[3.25 / 4, *[0.25 / 4] * 3]]


@pytest.mark.parametrize("turned", [False, True])
def test_a_motif_is_found_inside_a_longer_one_on_either_strand(turned: bool) -> None:
    known = drawn(1, 10)
    own = known[::-1, ::-1] if turned else known
    flat = np.full((4, 4), 0.25)
    found = compare_motifs(np.concatenate([flat, own, flat[:2]]), known)
    assert found.similarity == pytest.approx(1)
    assert found.turned == turned
    assert found.offset == (-2 if turned else -4)
    assert found.p < 0.01


def test_the_similarity_is_the_mean_correlation_of_columns() -> None:
    one, other = drawn(2, 7), drawn(2, 7)
    other = np.concatenate([other[:5], drawn(9, 2)])
    expected = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)])
    found = compare_motifs(one, other)
    assert found.similarity >= expected - 1e-9
    assert compare_motifs(one, one).similarity == pytest.approx(1)


def test_what_is_not_covered_counts_nothing() -> None:
    known = drawn(3, 12)
    found = compare_motifs(known[:6], known)
    assert found.similarity == pytest.approx(0.5, abs=0.01)


def test_another_motif_is_no_more_alike_than_chance() -> None:
    found = [compare_motifs(drawn(seed, 16), drawn(100 + seed, 10), seed) for seed in range(6)]
    assert np.median([each.p for each in found]) > 0.05
    assert max(each.similarity for each in found) < 0.8
