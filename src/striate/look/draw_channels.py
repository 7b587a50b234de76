"""Sheets of channel cards: top patches, and a bar for what each class loses without the channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.look.channels import Card, Loss, Patch, rank_cards
from striate.look.panels import Panel, lay_out
from striate.look.sheet import Sheet
from striate.plotting.chart import Axis, Chart, Rows
from striate.plotting.chart_layout import draw_chart
from striate.plotting.grid import move_shape
from striate.plotting.shapes import Picture, Raster, Shape
from striate.text import count_noun, format_amount, format_percent, shorten_middle

_ACROSS = 3  #: patches in a row
_SIDE = 110  #: of a patch
_BARS = 12  #: most names in a chart: those that change most
_WIDE, _AROUND, _ROW = 380, 90, 22  #: of the chart


def draw_card(card: Card) -> Sheet:
    """Draw the card of a channel.

    Arrays: `activations` (k,), `boxes` (k, 4): top, left, bottom, right of each patch; `patch_0` to
    `patch_k-1`; `losses` (K,) of recall, of the names with an image.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        "activations": np.array([patch.activation for patch in card.patches]),
        "boxes": np.array([patch.field.box for patch in card.patches]),
        "losses": np.array([loss.lost for loss in card.losses]),
    }
    arrays |= {f"patch_{at}": patch.pixels for at, patch in enumerate(card.patches)}
    return Sheet(_picture(card), arrays, tell(card))


def draw_cards(cards: Sequence[Card], most: int = 8) -> Sheet:
    """Draw the cards whose channels matter most, below each other.

    Arrays: `channels` and `lost` of all `cards`, in their order.
    """
    first = rank_cards(cards, most)
    shapes, down, wide = list[Shape](), 0.0, 0.0
    for card in first:
        picture = _picture(card)
        shapes += [move_shape(shape, 0, down) for shape in picture.shapes]
        down, wide = down + picture.height, max(wide, picture.width)
    arrays = {
        "channels": np.array([card.channel for card in cards]),
        "lost": np.array([card.lost for card in cards]),
    }
    title = f"Channels of {first[0].layer} that matter most: {len(first):,} of {len(cards):,}"
    text = "\n".join([f"{title}.", *map(tell, first)])
    return Sheet(Picture(title, wide, down, shapes), arrays, text)


def tell(card: Card) -> str:
    """Say in one line what a channel is for."""
    figure = card.before.figure
    said = (
        f"channel {card.channel} of {card.layer}: without it {figure.title} goes from "
        f"{card.before.shown} to {card.after.shown}"
    )
    worst = max(card.losses, key=lambda loss: loss.lost, default=None)
    if worst is None or worst.lost <= 0:
        return f"{said}."
    return f"{said}; {_name(worst)} loses most, {_points(worst.lost)} of its recall."


def _picture(card: Card) -> Picture:
    of = count_noun(card.images, f"{card.split} image" if card.split != "all" else "image")
    common = Counter(name for patch in card.patches for name in patch.names).most_common(3)
    top = ", ".join(f"{shorten_middle(name, 18)} {count:,}" for name, count in common)
    note = (
        f"Top {count_noun(len(card.patches), 'patch')} of {of}{': ' * bool(top)}{top}.\n"
        f"Silenced to its mean of {format_amount(card.level, 3)}, {card.before.figure.title} goes "
        f"from {card.before.shown} to {card.after.shown}."
    )
    panels = list(map(_panel, card.patches))
    rows = [panels[at : at + _ACROSS] for at in range(0, len(panels), _ACROSS)]
    title = f"Channel {card.channel} of {card.layer}"
    picture = lay_out(rows, title, note, _SIDE)
    if not card.losses:
        return picture
    chart = _chart(card.losses)
    beside = max(one.x + one.width for one in picture.shapes if isinstance(one, Raster)) + 40
    moved = [move_shape(shape, beside, 80) for shape in draw_chart(chart).shapes]
    width, height = max(picture.width, beside + chart.width), max(picture.height, chart.height + 90)
    return Picture(title, width, height, [*picture.shapes, *moved])


def _panel(patch: Patch) -> Panel:
    color = np.broadcast_to(patch.pixels, (*patch.pixels.shape[:2], 3))
    names = shorten_middle(", ".join(patch.names), 16)
    lines = tuple(filter(None, (names, format_amount(patch.activation, 3))))
    return Panel(Image.fromarray(np.ascontiguousarray(color)), "", lines)


def _chart(losses: Sequence[Loss]) -> Chart:
    shown = sorted(losses, key=lambda loss: -abs(loss.lost))[:_BARS]
    shown.sort(key=lambda loss: -loss.lost)
    none = (float("nan"),) * len(shown)
    title = "Recall lost when silenced"
    if len(shown) < len(losses):
        title += f", {len(shown)} of {len(losses):,} names"
    return Chart(
        (Rows(tuple(loss.lost for loss in shown), none, none),),
        title,
        Axis(show=_points, limits=_limits(shown)),
        Axis(names=tuple(map(_name, shown))),
        width=_WIDE,
        height=_AROUND + _ROW * len(shown),
    )


def _limits(losses: Sequence[Loss]) -> tuple[float, float] | None:
    """Return the limits of the axis: those of the values, or some where nothing changes."""
    return None if any(loss.lost for loss in losses) else (-0.1, 0.1)


def _name(loss: Loss) -> str:
    return f"{shorten_middle(loss.name, 16)} ({loss.images:,})"


def _points(share: float) -> str:
    return format_percent(share, 0)
