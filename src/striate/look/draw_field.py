"""The sheet of a receptive field: exact on the image, effective before and after training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor, nn

from striate.look.field import (
    Field,
    Floats,
    count_holding,
    find_field,
    measure_effective_field,
    randomize_weights,
)
from striate.look.panels import Panel, lay_out
from striate.look.sheet import Sheet
from striate.plotting.color import Scale, colorize
from striate.plotting.ink import LINE
from striate.text import capitalize, count_noun, format_percent

_FRAME = (217, 84, 30)  #: of the exact field
_DIMMED = 0.35  #: share of the image that is left outside of it
_ENLARGED = 480  #: pixels of the longer side, at least, so that the frame is thin


def draw_field(
    network: nn.Module,
    pixels: NDArray[np.uint8],
    inputs: Tensor,
    layer: str,
    unit: tuple[int, int] | None = None,
) -> Sheet:
    """Draw what a unit of a layer sees of an image (H, W, 1 or 3).

    `inputs` (N, C, H, W) are images as the network takes them; the effective field is the mean over
    them, of the network as it is and of the same with random weights. Arrays: `effective` and
    `untrained` (H, W), `box` (4,): top, left, bottom, right. Errors are those of `find_field`.
    """
    field = find_field(network, inputs.shape[1:], layer, unit)
    fields = {
        "untrained": measure_effective_field(randomize_weights(network), inputs, layer, field.unit),
        "effective": measure_effective_field(network, inputs, layer, field.unit),
    }
    titles = "effective, with random weights", "effective, as trained"
    panels = [Panel(_mark(pixels, field), "exact field", (_pixels(field),))]
    for seen, title in zip(fields.values(), titles, strict=True):
        panels.append(Panel(_heat(seen, field), title, (_held(seen, field),)))
    images = f", mean of {count_noun(len(inputs), 'image')}" * (len(inputs) > 1)
    note = (
        f"{capitalize(str(field))}.\nEffective: the square root of how much each pixel moves it"
        f"{images}, from white (not at all) to dark red (the most of its panel)."
    )
    picture = lay_out([panels], f"Receptive field of {layer}", note)
    return Sheet(picture, {**fields, "box": np.array(field.box)}, f"{field}.")


def _pixels(field: Field) -> str:
    share = field.pixels / (field.image[0] * field.image[1])
    return f"{field.pixels:,} pixels, {format_percent(share, 0)} of the image"


def _held(seen: Floats, field: Field) -> str:
    if not seen.any():
        return "no pixel moves the unit"
    few = count_holding(seen)
    return f"{few:,} pixels ({format_percent(few / field.pixels, 0)}) hold 95 % of it"


def _mark(pixels: NDArray[np.uint8], field: Field) -> Image.Image:
    """Dim the image outside of the exact field, and frame the field."""
    color = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32)
    top, left, bottom, right = field.box
    shown = color * _DIMMED + 255 * (1 - _DIMMED)
    shown[top:bottom, left:right] = color[top:bottom, left:right]
    return _frame(Image.fromarray(shown.astype(np.uint8)), field)


def _heat(seen: Floats, field: Field) -> Image.Image:
    """Draw the root of an effective field, so that weak pixels are seen too, and its frame."""
    strongest = float(seen.max()) or 1.0
    heat = colorize(np.sqrt(seen / strongest), Scale("diverging", -1, 1))
    return _frame(Image.fromarray(heat), field)


def _frame(image: Image.Image, field: Field) -> Image.Image:
    """Enlarge an image, and frame the field and the whole, which may be as white as the page."""
    scale = max(1, -(-_ENLARGED // max(image.size)))
    large = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    top, left, bottom, right = (scale * side for side in field.box)
    corners = left, top, max(left, right - 1), max(top, bottom - 1)
    pen = ImageDraw.Draw(large)
    pen.rectangle((0, 0, large.width - 1, large.height - 1), outline=LINE, width=2)
    pen.rectangle(corners, outline=_FRAME, width=2)
    return large
