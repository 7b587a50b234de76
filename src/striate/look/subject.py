"""What is looked at: a network in any form, and an image as it takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.data.cache.read_files import File, read_files
from striate.errors import DataError, OptionError, printable
from striate.model import Model, one_network
from striate.model_file import load
from striate.summary import opened


def find_network(model: str | Path | Model | nn.Module) -> nn.Module:
    """Return the network of a model, of its file, or a module itself."""
    if isinstance(model, str | Path):
        model = one_network(load(model), "look")
    return opened(model.network if isinstance(model, Model) else model)


def image_shape(model: str | Path | Model | nn.Module) -> tuple[int, ...] | None:
    """Return the shape (C, H, W) of the images of a loaded model; None where it is not known."""
    if not isinstance(model, Model):
        return None
    return model.input_shape


def find_inputs(
    model: str | Path | Model | nn.Module, image: str | Path | Tensor
) -> tuple[nn.Module, Tensor]:
    """Return a network, and an image (N, C, H, W) as it takes it, on its device and in its type.

    A path needs a model, which knows how images are decoded. Raises OptionError, DataError.
    """
    if isinstance(model, str | Path):
        model = one_network(load(model), "look")
    network = find_network(model)
    if isinstance(image, str | Path):
        if not isinstance(model, Model):
            raise OptionError("a module does not know how to read an image; give a tensor")
        pixels = torch.from_numpy(read_image(model, Path(image)).copy())[None]
        image = model.inputs(pixels)
    if image.ndim != 4:
        raise OptionError(f"expected images (N, C, H, W), but {tuple(image.shape)} came")
    weight = next(network.parameters(), image)
    return network, image.to(weight.device, weight.dtype)


def read_image(model: Model, path: Path, largest_megabytes: int = 200) -> NDArray[np.uint8]:
    """Decode an image as the model does, (size, size, channels). Raises DataError."""
    shown = printable(str(path))
    if path.is_dir():
        raise DataError(f"{shown}: a folder came, but one image is looked at; name a file in it")
    (read,) = read_files(
        [File(path, str(path))],
        model.preprocess,
        batch=1,
        workers=1,
        largest_megabytes=largest_megabytes,
    )
    (one,) = read
    if one.pixels is None:
        found = one.record.findings[0]
        detail = f": {found.detail}" if found.detail else ""
        raise DataError(f"{shown}: {found.kind}{detail}")
    return one.pixels
