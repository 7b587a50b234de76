"""`striate generate`: new images of a model that was trained to make them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from striate import storage
from striate.errors import OptionError, printable
from striate.hardware import choose_device
from striate.model import Model, one_network
from striate.model_file import load
from striate.options import GenerateOptions
from striate.plotting.ink import encode_pixels, lay_out
from striate.progress import Progress, drain
from striate.tasks.task import MadeImages
from striate.verbs import display
from striate.verbs.answering import files_of


def generate(model: str | Path | Model, **options: Any) -> NDArray[np.uint8]:
    """Return new images (N, H, W, C), those of a seed the same whatever their number.

    Those of a model that knows classes are of each in turn, or of `class_name`. Options are those
    of `striate.options.GenerateOptions`; with `out`, the images are written there too, as PNG
    files. Raises OptionError for a model that makes none.

    >>> striate.generate("runs/photos-dcgan", count=16).shape  # doctest: +SKIP
    (16, 32, 32, 3)
    """
    chosen, made = GenerateOptions.read(options), list[MadeImages]()
    drain(_write(model, chosen, made))
    return np.concatenate([block.pixels for block in made])


def write_images(
    model: str | Path | Model, *, progress: bool = False, **options: Any
) -> tuple[Path | None, int]:
    """Write new images into the folder `out` or the picture `grid`; return the folder and a number.

    Few of them are in memory at once, but all for a `grid`. Raises OptionError as `generate` does,
    and with none of both.
    """
    chosen = GenerateOptions.read(options)
    if chosen.out is None and chosen.grid is None:
        raise OptionError("images are written into a folder, or drawn; give out or grid")
    work = _write(model, chosen, [] if chosen.grid else None)
    return display.show_progress(work, None if progress else Console(quiet=True)), chosen.count


def _write(
    model: str | Path | Model, options: GenerateOptions, made: list[MadeImages] | None
) -> Generator[Progress, None, Path | None]:
    """Make images, write them where the options say, and return the folder, if there is one.

    They are added to what is `made`. Yields progress.
    """
    if options.grid:
        storage.check_output(options.grid, files_of(model))
    if not isinstance(model, Model):
        model = one_network(load(model, device=choose_device(options.device)), "generate")
    wanted, names = options.class_name, model.class_names
    blocks = model.task.generate(model.network, options.count, options.seed, wanted)
    classes = names if wanted is None and len(names) > 1 else ()
    done, digits = 0, len(str(options.count - 1))
    with _new_folder(options.out, classes) as (folder, place):
        for block in blocks:
            if made is not None:
                made.append(block)
            for pixels, label in zip(*block, strict=True):
                if place:
                    home = place / classes[label] if classes else place
                    (home / f"{done:0{digits}}.png").write_bytes(encode_pixels(pixels))
                done += 1
            yield Progress(done, options.count, "images")
    if options.grid and made:
        rows = len(classes) or round(options.count**0.5)
        pixels = np.concatenate([block.pixels for block in made])
        storage.write(options.grid, encode_pixels(lay_out(pixels, rows)))
    return folder


@contextlib.contextmanager
def _new_folder(
    out: Path | None, classes: Sequence[str]
) -> Generator[tuple[Path | None, Path | None]]:
    """Yield a new folder, and where to write what it holds at the end, in folders of classes.

    On an error or a stop nothing stays of both. Raises StorageError, OptionError for a name that no
    folder can have.
    """
    if out is None:
        yield None, None
        return
    for name in classes:
        if "/" in name or name in (".", ".."):
            raise OptionError(
                f"no folder can be called as the class {printable(repr(name))}; give class_name "
                "with one class at a time"
            )
    folder = storage.make_folder(out)
    place = storage.make_folder(folder.with_name(f"{folder.name}.partial"))
    try:
        for name in classes:
            (place / name).mkdir()
        yield folder, place
        place.replace(folder)
    except BaseException as error:
        shutil.rmtree(place, ignore_errors=True)
        folder.rmdir()
        if isinstance(error, OSError):
            raise storage.storage_error(folder, error, "choose another with --out") from error
        raise
