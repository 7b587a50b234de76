"""The sheet of class maps: images, the maps over them, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from textwrap import wrap
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from striate.data.listing.target_spec import NEEDS
from striate.errors import DataError, OptionError, printable, unknown
from striate.look.class_maps import ClassMaps, Floats, enlarge, make_class_maps
from striate.look.map_layer import MapLayer, find_map_layer
from striate.look.occlusion import Occlusion, make_occlusion_maps
from striate.look.panels import Panel, lay_out
from striate.look.sheet import Sheet
from striate.look.verdict import Trial, judge_maps
from striate.look.verdict_result import Verdict
from striate.model import Model
from striate.plotting.chart_layout import draw_chart
from striate.plotting.grid import move_shape
from striate.plotting.shapes import Picture, Raster
from striate.tasks.task import Task
from striate.text import count_noun, format_amount, format_percent, list_names, shorten_middle

_HEAT = np.array([217, 84, 30], np.float32)
_STRONGEST = 0.8  #: opacity of the highest value
_ENLARGED = 320  #: pixels of the longer side, at least, so that the map is smooth
_ACROSS, _SIDE = 3, 170  #: images in a row of a sheet of several, and their side
_ALONE = 240  #: side of an image alone
_LETTERS, _LINE = 24, 130  #: letters of a title and of a line of the verdict
_TRIAL = Trial()


@dataclass(frozen=True)
class _Work:
    """How maps are made: at a layer, or by occlusion where that is asked for or all there is."""

    task: Task
    layer: MapLayer | None
    occlusion: Occlusion
    forced: bool  #: whether occlusion was not asked for

    def make(self, network: nn.Module, inputs: Tensor, column: Any) -> ClassMaps:
        if self.layer is None:
            return make_occlusion_maps(network, inputs, self.task, self.occlusion, column)
        return make_class_maps(network, inputs, self.task, self.layer, column)

    def __str__(self) -> str:
        return str(self.layer or self.occlusion)


def draw_class_maps(
    model: Model,
    pixels: NDArray[np.uint8],
    names: Sequence[str],
    *,
    class_name: str | None = None,
    layer: str | None = None,
    occlusion: Occlusion | None = None,
    trial: Trial | None = _TRIAL,
) -> Sheet:
    """Draw what speaks for an answer in images (N, size, size, channels), called `names`.

    The answer is that of each image, or `class_name`. Maps are CAM or Grad-CAM at the last layer
    with places, or at `layer`; by occlusion where that is given, and where no layer has places.
    Without a trial there is no verdict. Arrays: `maps` (N, h, w), `columns`, `rated` (N,), and of
    the verdict `deletion`, `insertion` (N, steps + 1), the same of `random` orders, `correlations`.
    Raises OptionError for a class or layer that does not exist, and for a model without names,
    DataError where no answer is finite.
    """
    _check(model, pixels)
    column = None if class_name is None else _find_column(model, class_name)
    like = next(model.network.parameters())
    with torch.no_grad(), model.spec.explained():
        inputs = model.inputs(torch.from_numpy(pixels)).to(like)
        found_layer = None
        if occlusion is None:
            found_layer = find_map_layer(model.network, inputs[:1], layer)
        forced = occlusion is None and found_layer is None
        patch = occlusion or Occlusion.of(model.preprocess.size)
        work = _Work(model.task, found_layer, patch, forced)
        found = work.make(model.network, inputs, column)
        lost = [name for name, fine in zip(names, found.finite, strict=True) if not fine]
        if len(lost) == len(names):
            raise DataError(f"the network's answer is not finite for {list_names(names)}")
        if lost:
            kept = found.finite
            names = list(compress(names, kept))
            found, inputs, pixels = found.take(kept), inputs[torch.from_numpy(kept)], pixels[kept]
        verdict = trial and Verdict(
            *judge_maps(model.network, inputs, model.task, found, work.make, trial),
            model.task.rated,
        )
    text = _describe(work, lost, verdict)
    picture = _draw(model, pixels, names, found, work, verdict)
    return Sheet(picture, _arrays(found, verdict), text)


def _check(model: Model, pixels: NDArray[np.uint8]) -> None:
    """Raise OptionError for a model without names, and for no images."""
    if not model.class_names:
        raise OptionError(
            "class maps show what speaks for a class, a label or a number, but the model answers "
            f"with {NEEDS[model.task.kind]}; look at its maps instead"
        )
    if not len(pixels):
        raise OptionError("class maps need an image or more, but none came")


def _find_column(model: Model, class_name: str) -> int:
    if class_name not in model.class_names:
        kind = "class" if model.task.rated == "probability" else "number"
        raise unknown(kind, class_name, model.class_names)
    return model.class_names.index(class_name)


def _describe(work: _Work, lost: Sequence[str], verdict: Verdict | None) -> str:
    said = [f"Maps by {work}."]
    if work.forced:
        said.append("The network has no layer with places before its head, so occlusion it is.")
    if lost:
        said.append(
            f"Left out, as the network's answer is not finite: {list_names(lost)} "
            f"({count_noun(len(lost), 'image')})."
        )
    return " ".join([*said, *([str(verdict)] if verdict else [])])


def _draw(
    model: Model,
    pixels: NDArray[np.uint8],
    names: Sequence[str],
    found: ClassMaps,
    work: _Work,
    verdict: Verdict | None,
) -> Picture:
    pairs = list[tuple[Panel, Panel]]()
    for image, name, each, column, rated in zip(
        pixels, names, found.maps, found.columns, found.rated, strict=True
    ):
        answer = shorten_middle(model.class_names[column], _LETTERS - 8)
        share = model.task.rated == "probability"
        amount = format_percent(float(rated)) if share else format_amount(float(rated))
        title = shorten_middle(printable(name.rpartition("/")[2]), _LETTERS - 4)
        most = max(0.0, float(each.max()))
        pairs.append(
            (
                Panel(_large(image), title, (f"{answer}: {amount}",)),
                Panel(_overlay(image, each), "", (f"0 to {format_amount(most, 3)}",)),
            )
        )
    rows = [pairs[at : at + _ACROSS] for at in range(0, len(pairs), _ACROSS)]
    panels = [[panel for pair in row for panel in pair] for row in rows]
    note = "Orange speaks for the answer, from 0 to the number below each map: its own scale."
    alone = len(pairs) == 1
    said = [note, *(wrap(str(verdict), _LINE) if verdict else [])]
    drawn = lay_out(panels, f"Class maps: {work}", "\n".join(said), _ALONE if alone else _SIDE)
    return _with_charts(drawn, verdict, beside=alone) if verdict else drawn


def _with_charts(drawn: Picture, verdict: Verdict, *, beside: bool) -> Picture:
    """Put the charts of a verdict to the right of one image, or below several."""
    panels = [shape for shape in drawn.shapes if isinstance(shape, Raster)]
    right, down = 16.0, drawn.height
    if beside:
        right = max(shape.x + shape.width for shape in panels) + 24
        down = min(shape.y for shape in panels) - 28
    shapes, bottom = list(drawn.shapes), drawn.height
    for chart in verdict.charts():
        shapes += [move_shape(shape, right, down) for shape in draw_chart(chart).shapes]
        right, bottom = right + chart.width, max(bottom, down + chart.height)
    return Picture(drawn.title, max(drawn.width, right + 16), bottom + 8, shapes)


def _large(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return an image of at least `_ENLARGED` pixels whose own pixels stay squares."""
    scale = -(-_ENLARGED // max(pixels.shape[:2]))
    return Image.fromarray(pixels.repeat(scale, 0).repeat(scale, 1).squeeze())


def _overlay(pixels: NDArray[np.uint8], found: Floats) -> Image.Image:
    """Lay what is above 0 of a map over the gray of its image."""
    gray = np.asarray(_large(pixels).convert("L"), np.float32)[..., None]
    grown = enlarge(found[None], (gray.shape[0], gray.shape[1]))[0]
    opacity = _STRONGEST * np.clip(grown / max(float(found.max()), 1e-30), 0, 1)[..., None]
    return Image.fromarray((gray * (1 - opacity) + _HEAT * opacity).round().astype(np.uint8))


def _arrays(found: ClassMaps, verdict: Verdict | None) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "maps": found.maps,
        "columns": found.columns,
        "rated": found.rated,
    }
    if verdict:
        arrays |= {
            "deletion": verdict.deletion.of_map,
            "insertion": verdict.insertion.of_map,
            "random_deletion": verdict.deletion.of_random,
            "random_insertion": verdict.insertion.of_random,
            "correlations": verdict.correlations,
        }
    return arrays
