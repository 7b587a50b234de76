"""Data preparation of a training: choose network and input format, and prepare the images."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from striate.data.cache.decode_all import read_headers
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import NO_SPLIT
from striate.data.listing.listing import Listing
from striate.data.listing.splits import SplitFractions
from striate.data.prepare import PreparedImages, prepare_images, scan_images
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.progress import Progress
from striate.tasks import bind_task, kind_of
from striate.tasks.fitness import check_options
from striate.tasks.task import Task
from striate.text import count_noun, list_names
from striate.training.events import Note
from striate.training.generated import ImageGenerator, add_generated
from striate.training.source import ADVICE, PHOTOGRAPH, Source, find_advice, find_source
from striate.training.view import (
    View,
    choose_sequence_view,
    choose_signal_view,
    choose_view,
    measure_images,
)


@dataclass(frozen=True)
class PreparedData(PreparedImages):
    """Prepared images, with the network and input format chosen for them."""

    view: View
    task: Task
    source: Source | None = None  #: of the first weights; None: random
    generated: str = ""  #: how many images to train on were made, and by what; "": none
    advice: str = ""  #: what would bring weights, where these would pay


def prepare_data(data: Path, options: TrainOptions) -> Generator[Progress, None, PreparedData]:
    """Scan, decode, check and split an image folder.

    Raises DataError if it cannot be trained on, OptionError if options conflict.
    """
    listing = scan_images(
        data,
        kind_of(options.task),
        leave_out=options.leave_out,
        group=options.group,
        window=options.size,
        trainable=True,
    )
    task = bind_task(options.task, listing.targets.spec)
    check_options(task, options)
    generator = ImageGenerator.open(options.augment_with) if options.augment_with else None
    task = task.configure(options)
    view, source, advice = _look(listing, options, task)
    task = task.seeing(view.channels)
    view.check(task)
    if task.head == "image":
        with torch.random.fork_rng(devices=()):
            task = task.measured(view.build(task.outputs), view.shape)
    prepared = yield from prepare_images(
        data,
        listing,
        _preprocess(view, task, source),
        SplitFractions(options.validation, options.test, options.group or ""),
        leaked=options.leaked,
        largest_megabytes=options.largest,
        trainable=True,
        skip_unusable=options.bad_images == "skip",
    )
    made, images = "", len(prepared.decoded)
    if generator:
        prepared = add_generated(prepared, generator, options.augment_count)
        made = f"{len(prepared.decoded) - images:,} by {generator}"
    return PreparedData(
        **vars(prepared), view=view, task=task, source=source, generated=made, advice=advice
    )


def _look(listing: Listing, options: TrainOptions, task: Task) -> tuple[View, Source | None, str]:
    """Return network and input format, the first weights, and what would bring some."""
    if listing.inputs != "image":
        source, headers = find_source(options, task, 1, 1), read_headers(listing)
        if listing.inputs == "sequence":
            return choose_sequence_view(options, headers, task, source), source, ""
        return choose_signal_view(options, headers, task, source, listing.rate), source, ""
    headers = read_headers(listing) if _leaves_open(options) else ()
    shown = measure_images(headers)
    source = find_source(options, task, *shown)
    if source is None and task.needs_weights:
        raise OptionError(
            f"the task {task.name} compares what a network sees that has learned before, and none "
            f"that fits is here; give --weights with a run of yours and --network {task.on}NAME "
            f"with its network, or published ones; {ADVICE}"
        )
    advice = "" if source else find_advice(options, task, *shown)
    return choose_view(options, headers, task, source), source, advice


def _leaves_open(options: TrainOptions) -> bool:
    """Return whether something is chosen by the images' headers: the view, or the weights."""
    small = options.size is not None and options.size <= PHOTOGRAPH
    weights = options.weights is None and not small and options.color != "gray"
    return weights or not (options.network and options.size and options.color)


def _preprocess(view: View, task: Task, source: Source | None) -> Preprocess:
    """Return the preprocessing of the view, normalized as task or source's weights expect it."""
    plain = view.preprocess
    if task.normalization is not None:
        mean, std = task.normalization
        return replace(plain, mean=(mean,) * view.channels, std=(std,) * view.channels)
    if source is None:
        return plain
    mean, std = source.statistics(view.channels)
    return replace(plain, mean=mean, std=std, interpolation=source.interpolation)


def notes(dataset: PreparedData) -> Iterator[Note]:
    """Yield notes on cached, generated, unusable and leaked images, and what is not learned."""
    if dataset.decoded.note:
        yield Note(dataset.decoded.note)
    if dataset.generated:
        yield Note(f"of the images to train on are generated: {dataset.generated}")
    if dataset.left_out:
        count = (
            f"{len(dataset.left_out):,} {'file is' if len(dataset.left_out) == 1 else 'files are'}"
        )
        yield Note(f"{count} left out; `striate check` names them and says why")
    if listed := sum(finding.kind == "listed" for finding in dataset.decoded.findings):
        yield Note(f"{count_noun(listed, 'image')} left out, as --leave-out says")
    dropped = (dataset.decoded.samples.splits == NO_SPLIT).any()
    kept = "figures on them will be too good; --leaked drop leaves them out"
    for kind, said in (
        ("leaked", "in an earlier split too"),
        ("leaked group", "of a group that is in an earlier split too"),
    ):
        if leaked := sum(finding.kind == kind for finding in dataset.decoded.findings):
            count = f"{leaked:,} {'image is' if leaked == 1 else 'images are'}"
            yield Note(f"leakage: {count} {said}: {'left out' if dropped else kept}")
    if near := int(dataset.decoded.near_leaked().sum()):
        look = "image looks" if near == 1 else "images look"
        yield Note(f"{near:,} {look} almost like one in an earlier split; figures may be too good")
    for kind, said in (
        ("unseen class", "no mask to train on shows {}, which will not be learned"),
        ("unlearned label", "images to train on all have, or all lack: {}; this is not learned"),
        ("unjudged label", "validation images all have, or all lack: {}; this is left out of mAP"),
    ):
        if names := [found.path for found in dataset.decoded.findings if found.kind == kind]:
            yield Note(said.format(list_names(names)))
