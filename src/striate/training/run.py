"""The run folder: options, environment, events, checkpoints, model file and report."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

from striate import storage
from striate.distributed.launch import ProcessInfo
from striate.errors import OptionError, StorageError, printable
from striate.input_description import from_json
from striate.legacy import upgrade_event, upgrade_options, upgrade_sample
from striate.options import TrainOptions
from striate.tasks.figures import Figure
from striate.text import count_noun
from striate.training.events import (
    Epoch,
    Evaluated,
    Event,
    Finished,
    Started,
    Step,
    Stopped,
    to_json,
)

LEFT_OUT_FILE = "left_out.csv"
_SAMPLE = ("path", "sha256")


@dataclass(frozen=True)
class Run:
    """A run folder. It can be moved: the only outside path stored in it is that of the images."""

    folder: Path

    @classmethod
    def create(cls, out: Path) -> Run:
        """Create a new folder, with a number appended if the name exists. Raises StorageError."""
        return cls(storage.make_folder(out))

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Open an existing run. Raises OptionError if it is not one, StorageError if unreadable."""
        run = cls(Path(folder))
        try:
            run.options_file.lstat()
        except (FileNotFoundError, NotADirectoryError) as error:
            shown = printable(str(folder))
            if not os.path.lexists(folder):
                told = "no such folder; expected the folder of a run"
            else:
                told = "not a run of striate: it has no options.json"
            raise OptionError(f"{shown}: {told}") from error
        except OSError as error:
            raise storage.storage_error(run.options_file, error, "open it") from error
        return run

    @property
    def options_file(self) -> Path:
        return self.folder / "options.json"

    @property
    def events_file(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def model_file(self) -> Path:
        return self.folder / storage.MODEL_FILE

    @property
    def report_file(self) -> Path:
        return self.folder / "report.html"

    @property
    def job_file(self) -> Path:
        return self.folder / "job.json"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def lock(self) -> AbstractContextManager[None]:
        """Lock the run for writing. Raises BusyError if another process holds the lock."""
        return storage.lock(self.folder / "lock", f"the run {printable(str(self.folder))}")

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        text = json.dumps(values, indent=2, ensure_ascii=True, allow_nan=False)
        storage.write(self.folder / name, text + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a file written by `write_json`. Raises StorageError naming the damaged line."""
        return storage.read_json(self.folder / name)

    def read_options(self) -> dict[str, Any]:
        """Return the resolved options. Raises StorageError as `read_json` does."""
        return upgrade_options(self.read_json(self.options_file.name))

    def command(self) -> str:
        """Return the command line that repeats the run; empty if unknown."""
        try:
            return str(self.read_json("environment.json").get("command", ""))
        except StorageError:
            return ""

    def add_command(self, line: str) -> None:
        """Record a command line that changed the run, after the one that started it."""
        if command := self.command():
            environment = self.read_json("environment.json")
            self.write_json("environment.json", {**environment, "command": f"{command} && {line}"})

    @property
    def left_out_file(self) -> Path:
        """Where the paths of images that the user left out are; absent if there are none."""
        return self.folder / LEFT_OUT_FILE

    @property
    def images_file(self) -> Path:
        return self.folder / "pictures.jsonl"

    def samples(self) -> list[dict[str, Any]]:
        """Return path, target, split and SHA-256 of every image at the start of the run.

        Raises StorageError naming the damaged line.
        """
        found: list[dict[str, Any]] = []
        lines = storage.read_json_lines(self.images_file)
        for number, entry in enumerate(lines, 1):
            if isinstance(entry, StorageError):
                raise entry
            if not all(isinstance(entry.get(key), str) for key in _SAMPLE):
                what = f"expected text for {', '.join(_SAMPLE)}"
                raise storage.damaged(self.images_file, number, what)
            found.append(upgrade_sample(entry))
        return found

    def append_event(self, event: Event) -> None:
        """Append an event to events.jsonl; all but Step events are fsynced."""
        line = json.dumps(to_json(event), allow_nan=False) + "\n"
        with self._appending() as file:
            file.write(line.encode())
            if not isinstance(event, Step):
                file.flush()
                os.fsync(file.fileno())

    def truncate_partial_line(self) -> None:
        """Remove the incomplete last line that a kill or a full disk left in events.jsonl.

        Raises StorageError.
        """
        if os.path.lexists(self.events_file):
            with self._appending():
                pass

    @contextmanager
    def _appending(self) -> Generator[BinaryIO]:
        """Open events.jsonl after its last whole line, while no other process appends to it."""
        try:
            with self.events_file.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if end := file.seek(0, os.SEEK_END):
                    file.seek(end - 1)
                    if file.read() != b"\n":
                        file.seek(0)
                        file.truncate(file.read().rfind(b"\n") + 1)
                yield file
        except OSError as error:
            raise storage.storage_error(self.events_file, error, "make room and resume") from error

    def count_test(self, images: int) -> int | None:
        """Record that test images are opened; return how often they were by now.

        Returns None if the run is not there or cannot be written.
        """
        if not self.events_file.is_file():
            return None
        try:
            self.append_event(Evaluated(images))
        except StorageError:
            return None
        return sum(event.get("event") == Evaluated.__name__ for event in self.events())

    def events(self) -> Iterator[dict[str, Any]]:
        """Return all recorded events; damaged or truncated lines are skipped."""
        return (event for event in self._told() if not isinstance(event, StorageError))

    def damage(self) -> list[StorageError]:
        """Return an error for each damaged line of the events."""
        return [event for event in self._told() if isinstance(event, StorageError)]

    def _told(self) -> Iterator[dict[str, Any] | StorageError]:
        if not os.path.lexists(self.events_file):
            return
        try:
            for number, event in enumerate(storage.read_json_lines(self.events_file), 1):
                damaged = isinstance(event, StorageError)
                yield event if damaged else self._checked(number, upgrade_event(event))
        except StorageError as error:
            yield error

    def _checked(self, number: int, event: dict[str, Any]) -> dict[str, Any] | StorageError:
        if event.get("event") == Epoch.__name__:
            try:
                from_json(Epoch, event)
            except ValueError as error:
                return storage.damaged(self.events_file, number, str(error))
        return event

    def epochs(self) -> list[Epoch]:
        """Return the Epoch events in order; of an epoch repeated after a kill, the last one."""
        told = (event for event in self.events() if event.get("event") == Epoch.__name__)
        found = {epoch.epoch: epoch for epoch in (from_json(Epoch, event) for event in told)}
        return [found[number] for number in sorted(found)]

    def figure(self) -> Figure:
        """Return the figure that leads, as it was when the training started."""
        started = next(event for event in self.events() if event.get("event") == Started.__name__)
        return from_json(Figure, started["figure"])

    @property
    def finished(self) -> bool:
        """Whether the training has ended and was not resumed since."""
        kinds = (Started.__name__, Stopped.__name__, Finished.__name__)
        told = [kind for event in self.events() if (kind := event.get("event")) in kinds]
        return told[-1:] == [Finished.__name__]

    def unfinished(self) -> str:
        """Return a note that the training has not ended; empty if it has or this is not a run."""
        if not self.options_file.is_file() or self.finished:
            return ""
        best = max((epoch.epoch for epoch in self.epochs() if epoch.best), default=0)
        return (
            f"{printable(str(self.folder))}: the training has not ended; its best epoch so far, "
            f"{best} of {self.read_options()['epochs']}, is taken"
        )

    def __repr__(self) -> str:
        epochs = self.epochs()
        if not epochs:
            return f"Run({str(self.folder)!r}, no epoch done)"
        best = max(epochs, key=lambda epoch: (epoch.best, epoch.epoch))
        state = "finished" if self.finished else "unfinished"
        length, figure = count_noun(len(epochs), "epoch"), self.figure()
        return (
            f"Run({str(self.folder)!r}, {state}, {length}, best is {best.epoch}, validation "
            f"{figure.title} {figure.show(best.validation.get(figure.name))})"
        )

    def _repr_html_(self) -> str:
        figure = self.figure()
        heads = ("epoch", "training loss", figure.title, "validation loss", figure.title, "")
        rows = [
            (
                str(epoch.epoch),
                f"{epoch.train_loss:.4f}",
                figure.show(epoch.train.get(figure.name)),
                f"{epoch.validation_loss:.4f}",
                figure.show(epoch.validation.get(figure.name)),
                "best" if epoch.best else "",
            )
            for epoch in self.epochs()
        ]
        head = "".join(f"<th>{name}</th>" for name in heads)
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><caption>{escape(repr(self))}</caption><tr>{head}</tr>{body}</table>"


def job_record(process: ProcessInfo, data: Path, options: TrainOptions) -> dict[str, Any]:
    """Return the values that identify the run of a torchrun job; empty without torchrun."""
    if not process.job:
        return {}
    return {"job": process.job, "data": str(data), "asked": options.model_dump(mode="json")}


def find_started_run(process: ProcessInfo, data: Path, options: TrainOptions) -> Path | None:
    """Return the run folder this torchrun job already created with these options, or None."""
    wanted = job_record(process, data, options)
    home = options.out.parent if options.out else storage.beside(Path("runs"), data)
    for folder in sorted(home.iterdir()) if wanted and home.is_dir() else ():
        run = Run(folder)
        try:
            if run.options_file.is_file() and run.read_json(run.job_file.name) == wanted:
                return folder
        except OSError:  # no job file, not a run, or unreadable
            continue
    return None
