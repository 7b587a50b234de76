"""What networks do when images are distorted: their score, and how many answers change."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.stream import gather
from striate.data.listing.columns import Samples, rows_in_split
from striate.data.listing.listing import DecodedImages, PixelStream, Rows
from striate.data.prefetch import prefetch
from striate.errors import DataError, OptionError, printable
from striate.evaluation.evaluate import (
    Views,
    answer_rows,
    check_groups,
    decode_views,
    describe_rows,
)
from striate.evaluation.invariance_result import Invariance, Point
from striate.evaluation.known import Judged
from striate.evaluation.seen_images import find_root
from striate.hardware import to_device
from striate.layers.fold_norms import fold_norms
from striate.metrics.bootstrap import bootstrap_mean
from striate.metrics.estimates import Estimate, Floats, from_hits
from striate.model import Ensemble, Model, check_images
from striate.options import EvaluateOptions, SplitChoice
from striate.progress import Progress
from striate.tasks.figures import Figure
from striate.tasks.results import About, Results
from striate.tasks.task import Comparing
from striate.text import count_noun
from striate.vision.distortions import DISTORTIONS, Distortion, Pixels, distort

#: most images that are distorted, unless another number is asked for
MOST_IMAGES = 500


@dataclass(frozen=True)
class Distorted:
    """A view's images, each distorted when it is read."""

    source: NDArray[np.uint8] | PixelStream
    masks: NDArray[np.uint8] | None
    numbers: NDArray[np.int64]  #: (N,) by which distortions are drawn: those of a model's first row
    seed: int
    kind: str
    level: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, rows: Any) -> Pixels:
        """Rows (N,) -> (N, size, size, channels)."""
        return self._distort(self.source[rows], rows)

    def batches(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Rows]:
        """Yield the images of each array of rows, distorted, and their masks as they are.

        A thread distorts the next batch while the network has this one.
        """
        asked = list(wanted)
        seen = gather(self.source, self.masks, iter(asked))
        yield from prefetch(
            Rows(self._distort(pixels, rows), masks)
            for rows, (pixels, masks) in zip(asked, seen, strict=True)
        )

    def _distort(self, pixels: Pixels, rows: Any) -> Pixels:
        return distort(pixels, self.kind, self.level, self.numbers[rows], self.seed)


@dataclass(frozen=True)
class _Judge:
    """Evaluates one model on the same images, distorted or not."""

    model: Model | Ensemble
    decoded: Views
    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]  #: of all rows, as of `Distorted`
    about: About
    root: Path
    batch: int
    seed: int

    def answer(self, kind: str, level: float) -> Iterator[tuple[NDArray[Any], Any]]:
        """Yield what is decoded of distorted images, and the targets, batch by batch."""
        drawn = self.numbers, self.seed, kind, level
        distorted = tuple(
            replace(view, pixels=Distorted(view.pixels, view.masks, *drawn))
            for view in self.decoded
        )
        return answer_rows(self.model, distorted, self.rows, self.root, self.batch)

    def judge(self, kind: str, level: float, before: Sequence[NDArray[Any]]) -> _Judged:
        """Return the results on images distorted by one level of a kind.

        Answers are compared with those `before`, batch by batch.
        """
        task, changes = self.model.task, list[Floats]()

        def compared() -> Iterator[tuple[NDArray[Any], Any]]:
            for was, (now, targets) in zip(before, self.answer(kind, level), strict=True):
                if isinstance(task, Comparing):
                    changes.append(task.measure_change(was, now, targets))
                yield now, targets

        results = task.evaluate(compared(), self.about)
        if not isinstance(task, Comparing):
            return _Judged(results, None)
        return _Judged(results, _estimate(np.concatenate(changes), task.change))


class _Judged(NamedTuple):
    results: Results
    changed: Estimate | None


def _estimate(changes: Floats, figure: Figure) -> Estimate:
    if figure.form == "share":
        return from_hits(float(changes.sum()), len(changes))
    return bootstrap_mean(changes)


def measure_steps(
    judged: Sequence[Judged],
    data: Path,
    options: EvaluateOptions,
    *,
    most: int = MOST_IMAGES,
    seed: int = 0,
    among: About | None = None,
) -> Generator[Progress, None, Invariance]:
    """Evaluate models on images distorted in every way.

    Up to `most` images are drawn by `seed`, the same for all models: of the split, as the first
    model divides the folder, or `among` images that were evaluated before, which are not counted as
    opened again. The split defaults to test, or to all images of a folder that is new to the first
    model. Raises OptionError for models of different tasks, DataError as `evaluate_steps` does, and
    where no image is left for all models.
    """
    if most < 1:
        raise OptionError(f"images to distort must be 1 or more, but {most:,} came")
    _check_tasks(judged)
    seen, fractions = list[Views](), judged[0].model.fractions
    for each in judged:
        alike, left_out = replace(each.model, fractions=fractions), each.left_out(data, options)
        seen.append((yield from decode_views(alike, data, options, left_out)))
    if among:
        split, asked = among.split, among.paths
    else:
        split, asked = _find_split(judged[0], seen[0][0], data, options)
    places = [_rows_by_path(views[0].samples) for views in seen]
    common = [path for path in asked if all(path in rows for rows in places)]
    drawn = _draw(common, most, seed)
    rows = [np.array([found[path] for path in drawn], np.int64) for found in places]
    if not drawn:
        raise DataError(
            f"{printable(str(data))}: of {count_noun(len(asked), 'image')} none can be used by all "
            "models; measure them apart"
        )
    judges = [
        _Judge(
            _folded(each.model), views, own, _number(len(views[0]), own, rows[0]),
            describe_rows(
                views[0], own, split, each.model.task.spec, shown=each.shown,
                known=None if among else each.known),
            find_root(data), options.batch, seed,
        )
        for each, views, own in zip(judged, seen, rows, strict=True)
    ]  # fmt: skip
    found = yield from _measure(judges)
    return replace(found, of=len(common), apart=len(asked) - len(common))


def _find_split(
    judged: Judged, first: DecodedImages, data: Path, options: EvaluateOptions
) -> tuple[SplitChoice, list[str]]:
    """Return the split to evaluate, and the paths of its images."""
    split: SplitChoice = options.split or ("all" if judged.is_new(first.records) else "test")
    if split != "all":
        check_groups(judged.model, first, split, data)
    rows = rows_in_split(first.samples, None if split == "all" else split)
    if not len(rows):
        raise DataError(
            f"{printable(judged.shown)}: no image is in the {split} split; --split all takes every "
            "image"
        )
    return split, [first.samples.path(row) for row in rows.tolist()]


def _rows_by_path(samples: Samples) -> dict[str, int]:
    return {samples.path(row): row for row in range(len(samples))}


def _draw(paths: Sequence[str], most: int, seed: int) -> list[str]:
    """Return up to `most` paths, in their order."""
    if len(paths) <= most:
        return list(paths)
    chosen = np.random.default_rng(seed).choice(len(paths), most, replace=False)
    return [paths[at] for at in sorted(map(int, chosen))]


def _number(images: int, own: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row of a model the row that the first model has of the same image."""
    numbers = np.zeros(images, np.int64)
    numbers[own] = first
    return numbers


def _folded(model: Model | Ensemble) -> Model | Ensemble:
    """Return a model with fewer operations and the same answers, up to rounding."""
    if isinstance(model, Ensemble):
        return replace(model, members=tuple(map(_fold, model.members)))
    return _fold(model)


def _fold(model: Model) -> Model:
    if not model.spec.ours:
        return model
    device = next(model.network.parameters()).device
    return replace(model, network=to_device(fold_norms(model.network), device))


def _check_tasks(judged: Sequence[Judged]) -> None:
    first, *others = judged
    check_images(first.model, "--invariance")
    for other in others:
        titles = [each.model.task.figures[0] for each in (first, other)]
        if titles[0] != titles[1]:
            raise OptionError(
                f"{printable(first.shown)} is judged by {titles[0].title}, "
                f"{printable(other.shown)} by {titles[1].title}; measure them apart"
            )


def _measure(judges: list[_Judge]) -> Generator[Progress, None, Invariance]:
    first = judges[0]
    reasons = {name: _reason(kind, first) for name, kind in DISTORTIONS.items()}
    kinds = [kind for name, kind in DISTORTIONS.items() if not reasons[name]]
    total = len(judges) * (1 + sum(len(kind.levels) - 1 for kind in kinds))
    done, points, plain = 0, list[Point](), list[Results]()
    for judge in judges:
        before = [answers for answers, _ in judge.answer(kinds[0].name, kinds[0].levels[0])]
        base = judge.judge(kinds[0].name, kinds[0].levels[0], before)
        plain.append(base.results)
        done += 1
        yield Progress(done, total, "distortions")
        for kind in kinds:
            points.append(_point(judge, kind, kind.levels[0], base))
            for level in kind.levels[1:]:
                found = judge.judge(kind.name, level, before)
                points.append(_point(judge, kind, level, found))
                done += 1
                yield Progress(done, total, "distortions")
    task = first.model.task
    return Invariance(
        tuple(plain),
        len(first.rows),
        tuple(points),
        {name: reason for name, reason in reasons.items() if reason},
        {kind.name: _strip(first, kind) for kind in kinds},
        task.change if isinstance(task, Comparing) else None,
    )


def _reason(kind: Distortion, judge: _Judge) -> str:
    """Say why a kind is not for these images; "" if it is."""
    if kind.moves and judge.model.task.placed:
        return "what is asked for may move with the image"
    if kind.colored and all(view.pixels.shape[3] == 1 for view in judge.decoded):
        return "the network sees gray"
    return ""


def _point(judge: _Judge, kind: Distortion, level: float, found: _Judged) -> Point:
    score = found.results.scores()[0]
    return Point(judge.about.model, kind.name, level, kind.show(level), score, found.changed)


def _strip(judge: _Judge, kind: Distortion) -> Pixels:
    """Return the first image at each level, (L, size, size, channels)."""
    row, seed = judge.rows[:1], judge.seed
    image, number = np.asarray(judge.decoded[0].pixels[row]), judge.numbers[row]
    return np.concatenate([distort(image, kind.name, level, number, seed) for level in kind.levels])
