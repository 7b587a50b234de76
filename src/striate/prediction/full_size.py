"""Maps at the size of the image itself, whole or tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from striate.data.listing.target_spec import NEEDS
from striate.errors import OptionError
from striate.model import Ensemble, Model, one_network
from striate.prediction.tiling import Overlap, find_overlap, run_tiled


@dataclass(frozen=True)
class FullSize:
    """Runs a model on images as they are, without resizing: on whole ones, or by tiles."""

    model: Model
    tile: int | None  #: side of a tile in pixels; None: the whole image at once
    overlap: Overlap | None  #: of tiles

    @classmethod
    def of(cls, model: Model | Ensemble, tile: int | Literal["whole"]) -> FullSize:
        """Return how a model predicts maps by tiles of so many pixels, or whole.

        Raises OptionError for a model without maps, for an ensemble, and for a network that cannot
        be run by tiles.
        """
        if model.task.head != "map":
            raise OptionError(
                "only a map has the size of its image, but the model answers with "
                f"{NEEDS[model.task.kind]}; leave tile out"
            )
        model = one_network(model, "tile")
        if tile == "whole":
            return cls(model, None, None)
        return cls(model, tile, find_overlap(model.network, model.preprocess.channels))

    def decode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what is decoded of an image, (H, W) or (H, W, 3): a map (H, W)."""
        model = self.model
        mode = "L" if model.preprocess.channels == 1 else "RGB"
        image = np.atleast_3d(np.asarray(Image.fromarray(pixels).convert(mode)))
        if self.tile is None or self.overlap is None:
            decoded = model.task.decode(model.outputs(torch.from_numpy(image[None].copy())))
        else:
            device = next(model.network.parameters()).device
            inputs = model.preprocess.normalize(torch.from_numpy(image[None].copy()).to(device))
            with model.spec.explained():
                decoded = run_tiled(
                    model.network, inputs, self.tile, self.overlap, model.task.decode
                )
        return decoded[0].cpu().numpy()
