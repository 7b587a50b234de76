"""`striate look`: what a network has learned, as pictures in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate import storage
from striate.errors import printable
from striate.look.kinds import KINDS, Subject
from striate.look.sheet import Sheet
from striate.look.subject import read_image
from striate.model import Model, one_network
from striate.options import LookOptions
from striate.prediction.pictures import check_folder
from striate.verbs.using import loaded_model


@dataclass(frozen=True)
class Drawn:
    """A sheet and the file that it was written to."""

    path: Path
    sheet: Sheet

    def __str__(self) -> str:
        return f"{printable(str(self.path))}  {self.sheet}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"path": str(self.path), "text": self.sheet.text}


def look(
    model: str | Path | Model, image: str | Path | None = None, **options: Any
) -> Iterator[Drawn]:
    """Draw what a model has learned, and yield each sheet when its file is written.

    Options are those of `striate.options.LookOptions`: without `show`, filters, or the feature maps
    of the image where one is given. Files go into a folder that is made for them. Raises
    OptionError for a layer or channel that does not exist, DataError for an unusable image.
    """
    chosen = LookOptions.read(options)
    if chosen.out and image is not None:
        check_folder(chosen.out, (), [Path(image)], "out")
    loaded = one_network(loaded_model(model, chosen), "look")
    pixels = None if image is None else read_image(loaded, Path(image), chosen.largest)
    subject = Subject(loaded, pixels, str(image or ""), chosen.layer_names, chosen.channel)
    kind = chosen.show or ("filters" if image is None else "maps")
    folder: Path | None = None
    for name, sheet in KINDS[kind](subject):
        folder = folder or storage.make_folder(chosen.out or Path("look"))
        path = folder / f"{name.replace('/', '_')}.{chosen.format}"
        sheet.write(path)
        yield Drawn(path, sheet)
