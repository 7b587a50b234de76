"""Maps at the size of the image itself, whole or tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from striate.errors import OptionError
from striate.model import Ensemble, Model, one_network
from striate.prediction.tiling import Overlap, find_overlap, run_tiled

_USUAL_TILE = 512


@dataclass(frozen=True)
class FullSize:
    """Runs a model on images as they are, without resizing: on whole ones, or by tiles."""

    model: Model
    tile: int | None  #: side of a tile in pixels; None: the whole image at once
    overlap: Overlap | None  #: of tiles

    @classmethod
    def of(cls, model: Model | Ensemble, tile: int | Literal["whole"]) -> FullSize:
        """Return how a model predicts maps by tiles of so many pixels, or whole.

        Raises OptionError for a model without maps or pictures, for an ensemble, and for a network
        that cannot be run by tiles.
        """
        if model.task.head == "logits":
            raise OptionError(
                "only maps and pictures have the size of their image, but the model answers with "
                f"{model.task.gives}; leave tile out"
            )
        model = one_network(model, "tile")
        if tile == "whole":
            return cls(model, None, None)
        overlap = find_overlap(model.network, model.input_shape[0], model.task.scale)
        return cls(model, tile, overlap)

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what is decoded of an image, (H, W) or (H, W, 3): a map or picture."""
        model = self.model
        mode = "L" if model.preprocess.channels == 1 else "RGB"
        image = np.atleast_3d(np.asarray(Image.fromarray(pixels).convert(mode)))
        if self.tile is None or self.overlap is None:
            decoded = model.task.decode(model.outputs(torch.from_numpy(image[None].copy())))
        else:
            inputs = model.inputs(torch.from_numpy(image[None].copy()))
            decoded = run_tiled(
                model.run, inputs, self.tile, self.overlap, model.task.decode, model.task.scale
            )
        return decoded[0].cpu().numpy()


@dataclass(frozen=True)
class FullSizeMean:
    """Averages what several models answer about images as they are."""

    members: tuple[FullSize, ...]

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the mean of what is decoded of an image, (H, W) or (H, W, 3)."""
        return np.mean([member.decode(pixels) for member in self.members], axis=0)


def choose_full_size(model: Model | Ensemble) -> FullSize | FullSizeMean | None:
    """Return how a model predicts if nothing is asked; None: at the size of training images.

    Where its task answers images in their own size: by tiles if the network can, else whole.
    """
    if not model.task.own_size:
        return None
    if isinstance(model, Ensemble):
        return FullSizeMean(tuple(map(_choose_one, model.members)))
    return _choose_one(model)


def choose_whole(model: Model | Ensemble) -> FullSize | FullSizeMean:
    """Return how a model answers whole images in their own size, without tiles."""
    if isinstance(model, Ensemble):
        return FullSizeMean(tuple(FullSize.of(member, "whole") for member in model.members))
    return FullSize.of(model, "whole")


def _choose_one(model: Model) -> FullSize:
    try:
        return FullSize.of(model, _USUAL_TILE)
    except OptionError:
        return FullSize.of(model, "whole")
