"""`striate generate`: new images of a model that was trained to make them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from striate import storage
from striate.errors import OptionError
from striate.hardware import choose_device
from striate.model import Model, one_network
from striate.model_file import load
from striate.options import GenerateOptions
from striate.plotting.ink import encode
from striate.progress import Progress
from striate.verbs import display


def generate(model: str | Path | Model, **options: Any) -> NDArray[np.uint8]:
    """Return new images (N, H, W, C), those of a seed the same whatever their number.

    Options are those of `striate.options.GenerateOptions`; with `out`, the images are written
    there too, as PNG files. Raises OptionError for a model that makes none.

    >>> striate.generate("runs/photos-dcgan", count=16).shape  # doctest: +SKIP
    (16, 32, 32, 3)
    """
    chosen = GenerateOptions.read(options)
    blocks = _blocks(model, chosen)
    folder = chosen.out and storage.make_folder(chosen.out)
    return np.concatenate(list(_kept(blocks, folder, chosen.count)))


def write_images(
    model: str | Path | Model, *, progress: bool = False, **options: Any
) -> tuple[Path, int]:
    """Write new images into the folder `out`; return it and their number.

    Few of them are in memory at once. Raises OptionError as `generate` does, and without `out`.
    """
    chosen = GenerateOptions.read(options)
    if chosen.out is None:
        raise OptionError("images are written into a folder; give out")
    blocks = _blocks(model, chosen)
    folder = storage.make_folder(chosen.out)

    def write() -> Generator[Progress]:
        done = 0
        for block in _kept(blocks, folder, chosen.count):
            done += len(block)
            yield Progress(done, chosen.count, "images")

    display.show_progress(write(), None if progress else Console(quiet=True))
    return folder, chosen.count


def _blocks(model: str | Path | Model, options: GenerateOptions) -> Iterator[NDArray[np.uint8]]:
    """Return blocks (n, H, W, C) of the images that are asked for, each made when it is taken."""
    if not isinstance(model, Model):
        model = one_network(load(model, device=choose_device(options.device)), "generate")
    return model.task.generate(model.network, options.count, options.seed)


def _kept(
    blocks: Iterable[NDArray[np.uint8]], folder: Path | None, count: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield the blocks, each written into the folder, if there is one."""
    number, digits = 0, len(str(count - 1))
    for block in blocks:
        for pixels in block if folder else ():
            picture = encode(Image.fromarray(pixels.squeeze()), "png")
            storage.write(Path(folder or "", f"{number:0{digits}}.png"), picture)
            number += 1
        yield block
