"""`striate look`: what a network has learned, as pictures in a folder."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from striate import storage
from striate.data.readers.scan import FILES
from striate.errors import OptionError, printable
from striate.look.kinds import KINDS, Subject
from striate.look.sequence_kinds import look_at_sequences
from striate.look.sheet import Sheet
from striate.look.signal_kinds import look_at_signals
from striate.look.subject import read_image
from striate.model import Model, one_network
from striate.options import LookOptions
from striate.options.verbs import Shown
from striate.prediction.pictures import check_folder
from striate.progress import Progress
from striate.verbs import display
from striate.verbs.using import loaded_model

_DRAWERS = {"signal": look_at_signals, "sequence": look_at_sequences}  #: of what is no image
_WRITERS = 4  #: sheets that are written at once: disks are waited for, and there are two cores


@dataclass(frozen=True)
class Drawn:
    """A sheet that was written: its file, and what is seen on it."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{printable(str(self.path))}  {self.text}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"path": str(self.path), "text": self.text}


def look(
    model: str | Path | Model,
    data: str | Path | None = None,
    *,
    progress: bool = False,
    **options: Any,
) -> tuple[Drawn, ...]:
    """Draw what a model has learned into files, and return what was drawn.

    `data` is an image, a folder of images or a manifest. Options are those of
    `striate.options.LookOptions`: without `show`, filters; of an image its feature maps, of a
    folder the map of its images, or with `like` those that are like it. Of a model on DNA these are
    filters, as logos, and classes, as what each letter of its first sequences adds; of one on
    signals filters, maps of the first, and classes, as where answers come from. Files go into a
    folder that is made for them. Raises OptionError for a layer or channel that does not exist, or
    data of another kind than is needed; DataError for an unusable image.
    """
    chosen = LookOptions.read(options)
    source = None if data is None else Path(data)
    if chosen.out:
        check_folder(chosen.out, (), list(filter(None, (source, chosen.like))), "out")
    loaded = one_network(loaded_model(model, chosen), "look")
    console = None if progress else Console(quiet=True)
    if draw := _DRAWERS.get(loaded.preprocess.inputs):
        drawn = draw(loaded, source, chosen)
        return display.show_progress(_write(drawn, chosen), console)
    if chosen.motifs:
        raise OptionError("motifs are of networks on DNA, but this one takes images; leave it out")
    folder = source if source and _holds_images(source) else None
    image = None if folder else source
    pixels = None if image is None else read_image(loaded, image, chosen.largest)
    subject = Subject(
        loaded, pixels, str(image or ""), chosen.layer_names, chosen.channel, folder, chosen.like
    )
    work = KINDS[chosen.show or _usual(subject)](subject)
    return display.show_progress(_write(work, chosen), console)


def _holds_images(data: Path) -> bool:
    return data.is_dir() or data.suffix.lower() in FILES


def _usual(subject: Subject) -> Shown:
    """Return what is drawn unless it is said."""
    if subject.like:
        return "similar"
    if subject.folder:
        return "map"
    return "filters" if subject.pixels is None else "maps"


def _write(
    work: Iterator[Progress | tuple[str, Sheet]], options: LookOptions
) -> Generator[Progress, None, tuple[Drawn, ...]]:
    """Write each sheet while the next ones are drawn; pass progress on."""
    folder, written = None, list[Future[Drawn]]()
    with ThreadPoolExecutor(_WRITERS) as pool:
        for item in work:
            if isinstance(item, Progress):
                yield item
                continue
            name, sheet = item
            folder = folder or storage.make_folder(options.out or Path("look"))
            path = folder / f"{name.replace('/', '_')}.{options.format}"
            written.append(pool.submit(_write_sheet, sheet, path))
        return tuple(each.result() for each in written)


def _write_sheet(sheet: Sheet, path: Path) -> Drawn:
    sheet.write(path)
    return Drawn(path, sheet.text)
