"""The folder of a run: what it was asked, where it ran, what it told, and what it learned."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from striate import storage
from striate.distributed.launch import ProcessInfo
from striate.errors import OptionError, StorageError, printable
from striate.options import TrainOptions
from striate.text import count_noun, format_percent
from striate.training.events import (
    Epoch,
    Event,
    Finished,
    Started,
    Step,
    Stopped,
    from_json,
    to_json,
)

_IMAGE = ("path", "class", "part", "sha256")


@dataclass(frozen=True)
class Run:
    """A run's folder. Nothing in it names another place but the images it was trained on."""

    folder: Path

    @classmethod
    def create(cls, out: Path) -> Run:
        """A fresh folder of that name, or of that name with a number. Raises StorageError."""
        return cls(storage.make_folder(out))

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """An existing run. Raises OptionError when the folder is none, StorageError if closed."""
        run = cls(Path(folder))
        try:
            run.options_file.lstat()
        except (FileNotFoundError, NotADirectoryError) as error:
            shown = printable(str(folder))
            raise OptionError(f"{shown}: not a run of striate: it has no options.json") from error
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
        return self.folder / "model.safetensors"

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
        """Held while the run is written to. Raises BusyError when another process holds it."""
        return storage.lock(self.folder / "lock", f"the run {printable(str(self.folder))}")

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        text = json.dumps(values, indent=2, ensure_ascii=True, allow_nan=False)
        storage.write(self.folder / name, text + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """A file that `write_json` wrote. Raises StorageError naming the line that is damaged."""
        return storage.read_json(self.folder / name)

    @property
    def images_file(self) -> Path:
        return self.folder / "pictures.jsonl"

    def samples(self) -> list[dict[str, str]]:
        """Path, class, part and SHA-256 of every image the run began with.

        Raises StorageError naming the line that is damaged.
        """
        found: list[dict[str, str]] = []
        lines = storage.read_json_lines(self.images_file)
        for number, entry in enumerate(lines, 1):
            if isinstance(entry, StorageError):
                raise entry
            if not all(isinstance(entry.get(key), str) for key in _IMAGE):
                what = f"expected text for {', '.join(_IMAGE)}"
                raise storage.damaged(self.images_file, number, what)
            found.append(entry)
        return found

    def append_event(self, event: Event) -> None:
        """Append an event to events.jsonl; those that end something are on the disk afterwards."""
        line = json.dumps(to_json(event), allow_nan=False) + "\n"
        try:
            with self.events_file.open("a", encoding="utf-8") as file:
                file.write(line)
                if not isinstance(event, Step):
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise storage.storage_error(self.events_file, error, "make room and resume") from error

    def truncate_partial_line(self) -> None:
        """Cut off the half line that a kill or a full disk left at the end of events.jsonl.

        Raises StorageError.
        """
        if os.path.lexists(self.events_file):
            lines = storage.read_lines(self.events_file)
            whole = sum(len(line) for line in lines if line.endswith(b"\n"))
            try:
                os.truncate(self.events_file, whole)
            except OSError as error:
                raise storage.storage_error(
                    self.events_file, error, "make room and resume"
                ) from error

    def events(self) -> Iterator[dict[str, Any]]:
        """Every event noted so far; lines that are damaged, or cut off by a kill, are left out."""
        return (event for event in self._told() if not isinstance(event, StorageError))

    def damage(self) -> list[StorageError]:
        """What of the events cannot be read, line by line."""
        return [event for event in self._told() if isinstance(event, StorageError)]

    def _told(self) -> Iterator[dict[str, Any] | StorageError]:
        if not os.path.lexists(self.events_file):
            return
        try:
            for number, event in enumerate(storage.read_json_lines(self.events_file), 1):
                yield event if isinstance(event, StorageError) else self._checked(number, event)
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
        """The epochs that count: one repeated after a kill stands once, as it ran last."""
        told = (event for event in self.events() if event.get("event") == Epoch.__name__)
        found = {epoch.epoch: epoch for epoch in (from_json(Epoch, event) for event in told)}
        return [found[number] for number in sorted(found)]

    @property
    def finished(self) -> bool:
        """Whether the training ended, and was not taken up again since."""
        kinds = (Started.__name__, Stopped.__name__, Finished.__name__)
        told = [kind for event in self.events() if (kind := event.get("event")) in kinds]
        return told[-1:] == [Finished.__name__]

    def unfinished(self) -> str:
        """What to know of a model whose training has not ended; empty: it has, or is no run's."""
        if not self.options_file.is_file() or self.finished:
            return ""
        best = max((epoch.epoch for epoch in self.epochs() if epoch.best), default=0)
        return (
            f"{printable(str(self.folder))}: the training has not ended; its best epoch so far, "
            f"{best} of {self.read_json(self.options_file.name)['epochs']}, is taken"
        )

    def __repr__(self) -> str:
        epochs = self.epochs()
        if not epochs:
            return f"Run({str(self.folder)!r}, no epoch done)"
        best = max(epochs, key=lambda epoch: (epoch.best, epoch.epoch))
        state = "finished" if self.finished else "unfinished"
        length, right = count_noun(len(epochs), "epoch"), format_percent(best.validation_accuracy)
        return (
            f"Run({str(self.folder)!r}, {state}, {length}, best is {best.epoch} with {right} "
            "of the validation images right)"
        )

    def _repr_html_(self) -> str:
        heads = ("epoch", "training loss", "right", "validation loss", "right", "")
        rows = [
            (
                str(epoch.epoch),
                f"{epoch.train_loss:.4f}",
                format_percent(epoch.train_accuracy),
                f"{epoch.validation_loss:.4f}",
                format_percent(epoch.validation_accuracy),
                "best" if epoch.best else "",
            )
            for epoch in self.epochs()
        ]
        head = "".join(f"<th>{name}</th>" for name in heads)
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><caption>{escape(repr(self))}</caption><tr>{head}</tr>{body}</table>"


def job_record(process: ProcessInfo, data: Path, options: TrainOptions) -> dict[str, Any]:
    """What tells the run of a restarted training from others; empty without torchrun."""
    if not process.job:
        return {}
    return {"job": process.job, "data": str(data), "asked": options.model_dump(mode="json")}


def find_started_run(process: ProcessInfo, data: Path, options: TrainOptions) -> Path | None:
    """The folder of the run that this job has begun with these options, if it has."""
    wanted = job_record(process, data, options)
    home = options.out.parent if options.out else storage.beside(Path("runs"), data)
    for folder in sorted(home.iterdir()) if wanted and home.is_dir() else ():
        run = Run(folder)
        try:
            if run.options_file.is_file() and run.read_json(run.job_file.name) == wanted:
                return folder
        except OSError:  # no job, no run of ours, or one that cannot be read
            continue
    return None
