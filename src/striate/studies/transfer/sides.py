"""The two data sets of a transferability study: found, compared, and one network for both."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from striate.data.cache.decode_all import read_headers
from striate.data.listing.listing import Listing
from striate.data.listing.target_spec import NEEDS
from striate.data.prepare import scan_images
from striate.data.readers.scan import resolved
from striate.data.shard_writer import pack_listing
from striate.data.targets.split_classes import split_classes
from striate.errors import OptionError, printable
from striate.options import TrainOptions
from striate.progress import Progress
from striate.tasks import bind_task
from striate.training.view import View, choose_view
from striate.zoo.stages import split_network, stage_names


@dataclass(frozen=True)
class Side:
    """A or B: what it is called, and its images."""

    name: str
    data: Path  #: as given; that of both where one folder is split
    listing: Listing


@dataclass(frozen=True)
class Staged:
    """The network of all trainings, and its stages."""

    view: View  #: with the input format
    stages: tuple[str, ...]  #: all but the head, in order
    depths: tuple[int, ...]  #: numbers n of first stages whose last one has weights


def find_sides(
    a: Path, b: Path | None, classes: Sequence[str] | None, kind: str | None
) -> tuple[Side, Side]:
    """Return two data sets, or one split by its classes: those of A, and all others.

    `kind` of targets is preferred where the data allow several. Raises OptionError where both are
    the same or a side would have one class, DataError for data that cannot be trained on.
    """
    if b is None:
        listing = scan_images(a, kind, trainable=True)
        halves = split_classes(listing, classes or (), str(a))
        first, second = (Side(", ".join(half.class_names), a, half) for half in halves)
        return first, second
    if resolved(a) == resolved(b):
        raise OptionError(
            f"{printable(str(b))}: A and B are the same; give two folders, or one and the classes "
            "of A, as in --classes-of-a cat,dog"
        )
    names = resolved(a).stem, resolved(b).stem
    first, second = names if names[0] != names[1] else (str(a), str(b))
    return (
        Side(first, a, scan_images(a, kind, trainable=True)),
        Side(second, b, scan_images(b, kind, trainable=True)),
    )


def store_halves(
    sides: tuple[Side, Side], study: Path
) -> Generator[Progress, None, tuple[Path, Path]]:
    """Pack the halves of a folder as shards in that of a study, unless they are there."""
    places = study / "data-a", study / "data-b"
    for side, place in zip(sides, places, strict=True):
        if not place.exists():
            yield from pack_listing(side.listing, place, str(side.data))
    return places


def check_sides(sides: tuple[Side, Side], options: TrainOptions) -> Staged:
    """Return the network that both are trained with, and the input format of B for both.

    Raises OptionError where A and B differ in what a network is told or asked, or the network has
    no order of stages.
    """
    shown = [printable(str(side.data)) for side in sides]
    kinds = [side.listing.targets.spec.kind for side in sides]
    if kinds[0] != kinds[1]:
        raise OptionError(
            f"A, {shown[0]}, gives {NEEDS[kinds[0]]} for every image, but B, {shown[1]}, "
            f"{NEEDS[kinds[1]]}; give two data sets of one task"
        )
    tasks = [
        bind_task(options.task, side.listing.targets.spec).configure(options) for side in sides
    ]
    views = [
        choose_view(options, read_headers(side.listing), task)
        for side, task in zip(sides, tasks, strict=True)
    ]
    if views[0].channels != views[1].channels:
        first, second = ("gray" if view.channels == 1 else "in color" for view in views)
        raise OptionError(
            f"A, {shown[0]}, is {first}, but B, {shown[1]}, {second}; make both alike with "
            "--color gray or --color rgb"
        )
    return find_stages(views[1], tasks[1].outputs)


def find_stages(view: View, outputs: int) -> Staged:
    """Return the stages of a network. Raises OptionError where they do not run in order."""
    with torch.random.fork_rng(devices=()):
        network = view.build(outputs)
    names = stage_names(network)
    depths = tuple(
        n
        for n, name in enumerate(names[:-1], 1)
        if any(True for _ in network.get_submodule(name).parameters())
    )
    if not depths or any(split_network(network, n) is None for n in depths):
        raise OptionError(
            f"the stages of {view.network} do not run one after another, so there are no first n "
            "of them; choose a network of the zoo, such as resnet18, or an nn.Sequential of yours"
        )
    return Staged(view, names[:-1], depths)
