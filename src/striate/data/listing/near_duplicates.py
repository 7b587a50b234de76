"""Near duplicates: images that look almost the same, found by comparing their thumbnails.

A thumbnail, less its mean and scaled to length 1, is a point; the dot product of two points is the
correlation of the thumbnails. Neighbors are found exactly along the axes of a cosine transform, few
of which have most of what differs: among few by comparing all, among many by a k-d tree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Records, Samples
from striate.data.listing.duplicates import content_ids, leaking
from striate.data.listing.samples import SPLITS, Finding

CORRELATION = 0.99  #: of the thumbnails of near duplicates, at least
_NEARER = 40.0  #: times nearer than usual neighbors of the set that near duplicates are, at least
_SAMPLE = 500  #: thumbnails that tell what is usual
_FLAT = 5.0  #: standard deviation in gray levels below which a thumbnail shows too little
_NEIGHBORS = 8  #: most that are looked for of one thumbnail
_AT_ONCE = 4096
_FEW = 8192  #: points that are all compared: that is faster than to import SciPy
_WIDEST = 16  #: axes along which they are compared first
_TILE = 64  #: rows, and columns times depth, of what is multiplied at once
_ROWS = 64  #: points that are compared with all others at once
_ROUNDING = 1e-5  #: of squared distances of points of length 1


class NearDuplicates(NamedTuple):
    """Which of N images look almost the same."""

    groups: NDArray[np.int64]  #: (N,) equal for equal thumbnails; -1 where it shows too little
    pairs: NDArray[np.int64]  #: (P, 2) groups that are near duplicates of each other

    def clusters(self) -> NDArray[np.int64]:
        """Return the cluster of each image (N,), by chains of pairs; -1 where none is known."""
        count = int(self.groups.max(initial=-1)) + 1
        if not count:
            return self.groups
        first = list(range(count))  # of each group, one of its cluster; the first of all itself

        def find(group: int) -> int:
            while first[group] != group:
                first[group] = group = first[first[group]]
            return group

        for one, other in self.pairs.tolist():
            low, high = sorted((find(one), find(other)))
            first[high] = low
        numbers = np.array([find(group) for group in range(count)], np.int64)
        return np.where(self.groups < 0, -1, numbers[self.groups])

    def straddling(
        self, splits: NDArray[np.uint8], digests: NDArray[np.uint8]
    ) -> NDArray[np.bool_]:
        """Return which images (N,) look like one of an earlier split, equal ones aside.

        `splits` (N,) are indices of SPLITS, `NO_SPLIT` where an image is left out.
        """
        known = (self.groups >= 0) & (splits != NO_SPLIT)
        earliest = np.full(self.groups.max(initial=-1) + 1, NO_SPLIT, np.uint8)
        np.minimum.at(earliest, self.groups[known], splits[known])
        nearest = earliest.copy()
        for own, other in ((0, 1), (1, 0)):
            np.minimum.at(nearest, self.pairs[:, own], earliest[self.pairs[:, other]])
        found = np.zeros(len(splits), bool)
        found[known] = splits[known] > nearest[self.groups[known]]
        return found & ~leaking(splits, digests)


def find_near_duplicates(thumbnails: NDArray[np.uint8]) -> NearDuplicates:
    """Compare thumbnails (N, 64); of each, the eight nearest are looked at.

    Where all images of a set look alike, as digits do, near duplicates are much nearer to each
    other than the eighth neighbor usually is. Flat thumbnails are left out: what is left of them is
    noise.
    """
    groups = np.full(len(thumbnails), -1, np.int64)
    spread = np.concatenate([
        thumbnails[at : at + _AT_ONCE].std(axis=1) for at in range(0, len(groups), _AT_ONCE)
    ] or [np.zeros(0)])  # fmt: skip
    rows = np.flatnonzero(spread >= _FLAT)
    if len(rows) < 2:
        groups[rows] = 0
        return NearDuplicates(groups, np.zeros((0, 2), np.int64))
    shown = np.ascontiguousarray(thumbnails[rows])
    content = shown.view(f"S{shown.shape[1]}")[:, 0]  # much faster than rows of numbers
    _, first, groups[rows] = np.unique(content, return_index=True, return_inverse=True)
    distinct = shown[first]
    points = distinct - distinct.mean(axis=1, keepdims=True, dtype=np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points = _multiply(points, _cosines(math.isqrt(points.shape[1])))  # distances stay
    points = points[:, np.argsort(-points.var(axis=0))]  # the widest axis first
    reach = np.sqrt(2 * min(1 - CORRELATION, _usual_gap(points) / _NEARER))
    search = _compare_all if len(points) <= _FEW else _search_tree
    pairs = np.sort(search(points, float(reach)), axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    return NearDuplicates(groups, np.unique(pairs, axis=0))


def _cosines(side: int) -> NDArray[np.float32]:
    """Return the axes (64, 64), as columns, of the cosine transform of a thumbnail 8x8."""
    steps = np.arange(side)
    waves = np.cos(np.pi / side * np.outer(steps, steps + 0.5))
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    return np.kron(waves, waves).T.astype(np.float32)


def _compare_all(points: NDArray[np.float32], reach: float) -> NDArray[np.int64]:
    """Return pairs (P, 2) of points and their nearest within reach, some with themselves.

    Points that are far apart along the widest axes, which are quick to compare, are so by all.
    """
    nearest, least = min(_NEIGHBORS + 1, len(points)), 1 - reach**2 / 2
    wide = points[:, :_WIDEST]
    halves = (wide**2).sum(axis=1, keepdims=True) / 2
    rows = np.hstack([wide, -halves, np.ones_like(halves)])
    columns = np.ascontiguousarray(np.hstack([wide, np.ones_like(halves), -halves]).T)
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(points), _ROWS):
        maybe = _multiply(rows[start : start + _ROWS], columns)  # minus half squared distances
        own = np.flatnonzero(maybe > -(reach**2) / 2 - _ROUNDING) // len(points)
        some = start + np.unique(own[1:][own[1:] == own[:-1]])  # near to more than themselves
        alike = _multiply(points[some], points.T)
        close = alike > least
        for row in np.flatnonzero(np.count_nonzero(close, axis=1) > nearest):
            close[row, np.argpartition(alike[row], -nearest)[:-nearest]] = False
        one, others = np.nonzero(close)
        found.append(np.stack([some[one], others], axis=1))
    return np.concatenate(found)


def _multiply(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the product (M, N) of (M, K) and (K, N), tile by tile.

    For tiles of this size OpenBLAS starts no threads: they wait busily, for longer than this takes.
    """
    wide = max(1, _TILE**2 // left.shape[1])
    made = np.empty((len(left), right.shape[1]), np.float32)
    for row in range(0, len(left), _TILE):
        for column in range(0, right.shape[1], wide):
            at = slice(row, row + _TILE), slice(column, column + wide)
            np.matmul(left[at[0]], right[:, at[1]], out=made[at])
    return made


def _search_tree(points: NDArray[np.float32], reach: float) -> NDArray[np.int64]:
    """Return the pairs of `_compare_all`, and each point with itself."""
    from scipy.spatial import KDTree  # lazy: half a second

    _, others = KDTree(points).query(points, _NEIGHBORS + 1, distance_upper_bound=reach)
    others = np.asarray(others)
    own = np.repeat(np.arange(len(points)), others.shape[1])
    pairs = np.stack([own, others.ravel()], axis=1)
    return pairs[pairs[:, 1] < len(points)]


def _usual_gap(points: NDArray[np.float32]) -> float:
    """Return 1 less the correlation with the eighth neighbor, the median of a sample."""
    if len(points) <= 2 * _NEIGHBORS:
        return np.inf
    sample, found = points[:: -(-len(points) // _SAMPLE)], list[NDArray[np.float32]]()
    for piece in np.array_split(sample, -(-len(sample) * len(points) // _AT_ONCE**2)):
        alike = _multiply(piece, points.T)
        alike.partition(-_NEIGHBORS - 1, axis=1)  # the last is the point itself
        found.append(alike[:, -_NEIGHBORS - 1].copy())
    return float(np.median(1 - np.concatenate(found)))


def list_clusters(
    near: NearDuplicates, images: Samples, records: Records
) -> list[NDArray[np.int64]]:
    """Return the rows of each cluster, those of earlier splits first; the largest cluster first.

    One stands for all that are byte-identical.
    """
    order = np.argsort(known_splits(images), kind="stable")
    _, firsts = np.unique(content_ids(records.digests[order]), return_index=True)
    rows = order[np.sort(firsts)]
    numbers = near.clusters()[rows]
    rows, numbers = rows[numbers >= 0], numbers[numbers >= 0]
    together = np.argsort(numbers, kind="stable")
    edges = np.flatnonzero(np.diff(numbers[together])) + 1
    found = [piece for piece in np.split(rows[together], edges) if len(piece) > 1]
    return sorted(found, key=lambda cluster: (-len(cluster), int(cluster.min())))


def near_findings(
    clusters: Sequence[NDArray[np.int64]], near: NearDuplicates, images: Samples
) -> list[Finding]:
    """Return a finding for each image of a cluster that looks like an earlier one of it."""
    splits = known_splits(images)
    linked: dict[int, list[int]] = {}
    for one, other in near.pairs.tolist():
        linked.setdefault(one, []).append(other)
        linked.setdefault(other, []).append(one)
    found: list[Finding] = []
    for cluster in clusters:
        first_of: dict[int, int] = {}
        for row in cluster.tolist():
            group = int(near.groups[row])
            alike = [first_of[each] for each in (group, *linked.get(group, ())) if each in first_of]
            first_of.setdefault(group, row)
            if alike:
                first = min(alike, key=lambda row: (int(splits[row]), row))
                kind = "near leaked" if splits[row] > splits[first] else "near duplicate"
                found.append(Finding(kind, images.path(row), images.path(first)))
    return found


def known_splits(images: Samples) -> NDArray[np.uint8]:
    """Return the split of each image (N,); those without count as training images."""
    train = np.uint8(SPLITS.index("train"))
    return np.where(images.splits == NO_SPLIT, train, images.splits)
