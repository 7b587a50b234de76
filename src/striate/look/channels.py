"""Channel cards: what a channel answers to most, and what is lost when it is silenced."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.data.cache.stream import gather
from striate.data.listing.columns import rows_in_split
from striate.errors import DataError, OptionError, printable
from striate.evaluation.evaluate import Views, decode_views, evaluate_rows
from striate.evaluation.invariance import MOST_IMAGES
from striate.evaluation.seen_images import SeenImages, find_root
from striate.look.field import Field, Floats, find_field
from striate.look.layers import channels_first, check_channel, find_layer, watch_layers
from striate.model import Model
from striate.options import EvaluateOptions, SplitChoice
from striate.progress import Progress
from striate.summary import opened
from striate.tasks.figures import Score
from striate.tasks.results import ByName, Results

#: most patches of a card, unless another number is asked for
MOST_PATCHES = 9


@dataclass(frozen=True)
class Patch:
    """What the most active unit of a channel sees of an image."""

    path: str
    names: tuple[str, ...]  #: of the image; empty for a task without names
    activation: float
    field: Field
    pixels: NDArray[np.uint8]  #: (h, w, channels), of the network's input


@dataclass(frozen=True)
class Loss:
    """The recall of a name before and after a channel is silenced; of at least one image."""

    name: str
    images: int
    before: float
    after: float

    @property
    def lost(self) -> float:
        """The loss of recall, below 0 where it rises."""
        return self.before - self.after


@dataclass(frozen=True)
class Card:
    """A channel of a layer over a data set."""

    layer: str
    channel: int
    channels: int  #: of the layer
    images: int
    split: SplitChoice
    level: float  #: that it is silenced to
    patches: tuple[Patch, ...]  #: the highest first, one an image
    before: Score
    after: Score
    losses: tuple[Loss, ...]  #: in the order of the names; empty for a task without names

    @property
    def lost(self) -> float:
        """How much worse the leading figure is, below 0 where it is better."""
        change = self.before.value - self.after.value
        return change if self.before.figure.higher_is_better else -change


@dataclass(frozen=True)
class _Survey:
    """What the channels of a layer do on M images: their means, and where they are highest."""

    means: Floats  #: (C,)
    values: NDArray[np.float32]  #: (k, C), descending
    places: NDArray[np.int64]  #: (k, C): of the M images
    units: NDArray[np.int64]  #: (k, C): flat index of a unit in its map


@dataclass(frozen=True)
class _Data:
    """The images that cards are of."""

    model: Model
    decoded: Views
    rows: NDArray[np.int64]
    split: SplitChoice
    root: Path
    batch: int

    def evaluate(self) -> Results:
        """Evaluate the network as it now is."""
        run = evaluate_rows(
            self.model, self.decoded, self.rows, self.split, self.root,
            shown=self.model.network_name, known=None, batch=self.batch,
        )  # fmt: skip
        return run.results


def make_cards(
    model: Model,
    data: Path,
    layer: str,
    channels: Iterable[int] | None,
    options: EvaluateOptions,
    *,
    patches: int = MOST_PATCHES,
    most: int = MOST_IMAGES,
    seed: int = 0,
) -> Generator[Progress, None, tuple[Card, ...]]:
    """Make a card of each of `channels` of a layer, or of all for None, in their order.

    Up to `most` images of the split, by default validation, are drawn by `seed`. Of exact copies
    the first can be among the patches. A channel is silenced by setting it to its mean over these
    images and all places. Memory does not grow with the images. Raises OptionError for an unknown
    layer, one without maps, and a channel out of range; DataError as `evaluate_steps` does.
    """
    model = replace(model, network=opened(model.network))
    count = count_channels(model, layer)
    wanted = list(range(count) if channels is None else channels)
    for channel in wanted:
        check_channel(layer, channel, count)
    if patches < 1 or most < 1:
        raise OptionError(
            f"a card needs 1 patch and 1 image or more, but {min(patches, most):,} came"
        )
    decoded = yield from decode_views(model, data, options, options.leave_out)
    split: SplitChoice = options.split or "validation"
    rows = _draw_rows(decoded, split, most, seed, str(data))
    source = _Data(model, decoded, rows, split, find_root(data), options.batch)
    survey, plain = _survey(source, layer, patches), source.evaluate()
    yield Progress(1, len(wanted) + 1, "channels")
    cards = list[Card]()
    for channel in wanted:
        with silenced(model.network, layer, channel, float(survey.means[channel])):
            after = source.evaluate()
        cards.append(_card(source, layer, channel, survey, plain, after))
        yield Progress(len(cards) + 1, len(wanted) + 1, "channels")
    return tuple(cards)


def _draw_rows(
    decoded: Views, split: SplitChoice, most: int, seed: int, shown: str
) -> NDArray[np.int64]:
    """Return up to `most` rows of a split, ascending. Raises DataError if it is empty."""
    rows = rows_in_split(decoded[0].samples, None if split == "all" else split)
    if not len(rows):
        raise DataError(
            f"{printable(shown)}: no image is in the {split} split; --split all takes every image"
        )
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


def rank_cards(cards: Iterable[Card], most: int) -> tuple[Card, ...]:
    """Return the cards whose channels matter most: of the largest loss, then the lowest channel."""
    return tuple(sorted(cards, key=lambda card: (-card.lost, card.channel))[:most])


def count_channels(model: Model, layer: str) -> int:
    """Return how many channels a layer has. Raises OptionError for a layer without maps."""
    view = model.preprocess
    find_field(model.network, model.input_shape, layer)
    blank = torch.zeros(1, view.size, view.size, view.channels, dtype=torch.uint8)
    with watch_layers(model.network, [layer]) as watched:
        model.outputs(blank)
        return watched[layer][-1].shape[1]


@contextmanager
def silenced(network: nn.Module, layer: str, channel: int, level: float) -> Generator[None]:
    """Set a channel (N, C, H, W) of a layer to `level` wherever it is called; undone at the end."""

    def hook(_module: nn.Module, _inputs: object, output: object) -> object:
        if not isinstance(output, Tensor):
            raise OptionError(f"layer {layer} has several outputs; a channel is of one")
        changed = output.clone()
        channels_first(changed, (1, 1))[:, channel] = level  # images of a model are square
        return changed

    handle = find_layer(network, layer).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _maps(source: _Data, layer: str) -> Iterator[tuple[NDArray[np.int64], list[Tensor]]]:
    """Yield places among the images, and what the layer computes of these at each call."""
    view, network, places = source.decoded[0], source.model.network, np.arange(len(source.rows))
    few = min(source.batch, source.model.images_at_once or source.batch)
    wanted = [places[start : start + few] for start in range(0, len(places), few)]
    seen = gather(view.pixels, view.masks, (source.rows[some] for some in wanted))
    with watch_layers(network, [layer]) as watched:
        for some, (pixels, _) in zip(wanted, seen, strict=True):
            source.model.outputs(torch.from_numpy(pixels))
            yield some, watched[layer]


def _survey(source: _Data, layer: str, patches: int) -> _Survey:
    digests = source.decoded[0].records.select(source.rows).digests
    first = np.zeros(len(source.rows), bool)
    first[np.unique(digests, axis=0, return_index=True)[1]] = True
    total, count, kept = 0.0, 0, None
    for places, calls in _maps(source, layer):
        for maps in calls:
            total = total + maps.double().sum(dim=(0, 2, 3)).cpu().numpy()
            count += maps.numel() // maps.shape[1]
        highest, units = calls[-1].float().flatten(2).max(dim=2)
        new = (
            highest.cpu().numpy(),
            np.broadcast_to(places[:, None], highest.shape),
            units.cpu().numpy(),
        )
        kept = _keep(kept, tuple(part[first[places]] for part in new), patches)
    if kept is None or not np.isfinite(total).all():
        raise OptionError(f"the activations of layer {layer} are not finite")
    return _Survey(np.asarray(total) / count, *kept)


def _keep(
    kept: tuple[NDArray[Any], ...] | None, new: tuple[NDArray[Any], ...], most: int
) -> tuple[NDArray[Any], ...]:
    """Return the rows (k, C) of the highest values of each channel; of equal ones the earlier."""
    joined = new if kept is None else tuple(map(np.concatenate, zip(kept, new, strict=True)))
    order = np.argsort(-joined[0], axis=0, kind="stable")[:most]
    return tuple(np.take_along_axis(part, order, axis=0) for part in joined)


def _card(
    source: _Data, layer: str, channel: int, survey: _Survey, plain: Results, after: Results
) -> Card:
    seen = SeenImages(source.decoded[0], source.rows)
    names, model = source.model.class_names, source.model
    shape = (model.input_shape[0], *seen.shape[1:3])
    held = plain.held if isinstance(plain, ByName) else np.zeros((len(seen), 0), bool)
    places = survey.places[:, channel]
    middle, patches = find_field(source.model.network, shape, layer), list[Patch]()
    for at, (place, pixels) in enumerate(zip(places, seen[places], strict=True)):
        unit = divmod(int(survey.units[at, channel]), middle.maps[1])
        field = find_field(source.model.network, shape, layer, unit)
        top, left, bottom, right = field.box
        of = tuple(names[name] for name in np.flatnonzero(held[place]))
        value = float(survey.values[at, channel])
        cut = pixels[top:bottom, left:right]
        patches.append(Patch(plain.about.paths[place], of, value, field, cut))
    level, losses = float(survey.means[channel]), _losses(names, plain, after)
    return Card(
        layer, channel, len(survey.means), len(seen), source.split, level, tuple(patches),
        plain.scores()[0], after.scores()[0], losses,
    )  # fmt: skip


def _losses(names: tuple[str, ...], plain: Results, after: Results) -> tuple[Loss, ...]:
    if not (isinstance(plain, ByName) and isinstance(after, ByName)):
        return ()
    counts = (part.sum(axis=0).tolist() for part in (plain.held, plain.found, after.found))
    return tuple(
        Loss(name, images, before / images, now / images)
        for name, images, before, now in zip(names, *counts, strict=True)
        if images
    )
