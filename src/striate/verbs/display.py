"""Terminal output: a progress bar on a terminal, one line per epoch in a file."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Generator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import TaskID

from striate.errors import printable, visible
from striate.options import TrainOptions
from striate.progress import Progress, drain
from striate.tasks.figures import Figure
from striate.text import count_noun, name_inputs, shell_command
from striate.training.events import Epoch, Event, Finished, Note, Started, Step, Stopped
from striate.training.run import Run
from striate.verbs.bar import format_seconds, make_bar

T = TypeVar("T")
_Shown = tuple[Figure, Figure]  #: figures of training and of validation images


def show_events(
    events: Generator[Event, None, None], console: Console | None = None
) -> Generator[Event]:
    """Yield events while showing them on stderr or the given console; close them at the end."""
    with make_bar(console) as bar, contextlib.closing(events):
        task = bar.add_task("", total=None, text="")
        code, shown, inputs = "", None, "image"
        for event in events:
            code = code_flag(event) or code
            shown = _figures(event) if isinstance(event, Started) else shown
            if isinstance(event, Stopped | Finished):
                bar.stop()  # the consumer may print before it asks for the next event
            else:
                _move(bar, task, event, shown)
            inputs = event.inputs if isinstance(event, Started) else inputs
            if text := name_inputs(_text(event, code, shown), inputs):
                wrap = not bar.console.is_terminal
                bar.console.print(visible(text), markup=False, emoji=False, soft_wrap=wrap)
            yield event


def show_progress(work: Generator[Progress, None, T], console: Console | None = None) -> T:
    """Run a generator with a progress bar and return its value; close it at the end."""
    with make_bar(console) as bar:
        task = bar.add_task("", total=None, text="")
        return drain(work, lambda progress: _move(bar, task, progress))


def show_study(work: Generator[Event, None, T], console: Console | None = None) -> T:
    """Run a study with a progress bar and its notes, and return its value; close it at the end."""
    shown: _Shown | None = None
    with make_bar(console) as bar:
        task = bar.add_task("", total=None, text="")

        def show(event: Event) -> None:
            nonlocal shown
            if isinstance(event, Started):
                shown = _figures(event)
            elif isinstance(event, Note):
                wrap = not bar.console.is_terminal
                bar.console.print(visible(event.text), markup=False, emoji=False, soft_wrap=wrap)
            else:
                _move(bar, task, event, shown)

        return drain(work, show)


def _move(bar: Bar, task: TaskID, event: Event, shown: _Shown | None = None) -> None:
    if isinstance(event, Progress):
        text = f"{event.done:,} of {event.total:,} {event.what}"
        bar.update(task, completed=event.done, total=event.total, text=text)
    elif isinstance(event, Step) and shown:
        figure = shown[0]
        text = (
            f"loss {event.loss:.3f}  {figure.title} {figure.show(event.train.get(figure.name))}  "
            f"{event.images_per_second:,.0f} images/s  {format_seconds(event.remaining)} left"
        )
        description = f"epoch {event.epoch}"
        bar.update(task, completed=event.progress, total=1, description=description, text=text)


def code_flag(event: Event) -> str:
    """Return the --network flag that later commands need for a custom network."""
    if isinstance(event, Started) and event.code:
        return f" --network {shlex.quote(event.code)}"
    return ""


def _text(event: Event, code: str, shown: _Shown | None) -> str:
    match event:
        case Note():
            return event.text
        case Started():
            return _opening(event)
        case Epoch() if shown:
            return _row(event, shown)
        case Stopped():
            return _stopped(event, code)
        case Finished() if shown:
            figure = shown[1]
            return (
                f"finished in {format_seconds(event.seconds)}; best epoch {event.best_epoch} "
                f"(validation {figure.title} {figure.show(event.validation.get(figure.name))})"
            )
        case _:
            return ""


def _stopped(event: Stopped, code: str) -> str:
    run = Run(event.folder)
    told = (
        f"stopped and saved in epoch {event.epoch} after step {event.step}; "
        f"resume with: {shell_command(['striate', 'train', '--resume', event.folder])}{code}"
    )
    if run.model_file.exists():
        evaluate = ["striate", "evaluate", event.folder, "--out", run.report_file]
        told += f"\nevaluate its best epoch: {shell_command(evaluate)}{code}"
    return told


def _opening(event: Started) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in event.images.items() if count)
    trained = "" if event.trained_params is None else f" ({event.trained_params:,} trained)"
    crop = f"windows of {event.crop}x{event.crop} in " if event.crop else ""
    length = f"{event.minutes:g} minutes" if event.minutes else count_noun(event.epochs, "epoch")
    match event.speedup:
        case None:
            speedup = ""
        case 1.0:
            speedup = " (autotune found nothing faster here)"
        case _:
            speedup = f" ({event.speedup:.2f} times as fast as the default, by autotune)"
    titles = [(figure.title, _width(figure)) for figure in _figures(event)]
    over = (
        f"{name:^{9 + wide}}"
        for name, (_, wide) in zip(("training", "validation"), titles, strict=True)
    )
    heads = (f"{'loss':>7}  {title:>{wide}}" for title, wide in titles)
    return (
        f"{event.network}: {event.params:,} parameters{trained}, {event.targets}, "
        f"{crop}{_inputs(event)} ({counts})\n"
        f"{length} of {count_noun(event.steps, 'step')} of {event.batch} {event.inputs}s "
        f"on {event.device} "
        f"({count_noun(event.threads, 'thread')}{_shared(event)}); run folder "
        f"{printable(str(event.folder))}\n"
        f"{_optimizer(event)}execution: {event.execution}{speedup}\n"
        f"{'':5}  {'  '.join(over)}\n"
        f"{'epoch':>5}  {'  '.join(heads)}  "
        f"{f'{event.inputs}s/s':>10}  {'time':>7}"
    )


def _inputs(event: Started) -> str:
    """Return what the network is trained on, and its size."""
    if event.inputs == "image":
        return f"images of {event.size}x{event.size} pixels"
    unit = "letters" if event.inputs == "sequence" else "samples"
    return f"{event.inputs}s of {event.size:,} {unit}"


def _optimizer(event: Started) -> str:
    """Return a line that names the optimizer; empty for that of most trainings."""
    usual = TrainOptions.model_fields["optimizer"].default
    return f"optimizer: {event.optimizer}\n" if event.optimizer not in ("", usual) else ""


def _shared(event: Started) -> str:
    """Return the number of processes and their batch-norm mode; empty for one process."""
    if event.world_size == 1:
        return ""
    return f" in each of {event.world_size} processes, {event.batch_norm} batch norms"


def _figures(event: Started) -> _Shown:
    """Return the figures shown of training and of validation images."""
    return event.train_figure or event.figure, event.figure


def _width(figure: Figure) -> int:
    """Return the width of a column: of the title, or of a value with its unit."""
    return max(len(figure.title), 8 + len(f" {figure.unit}".rstrip()))


def _row(event: Epoch, shown: _Shown) -> str:
    train, validation = (
        f"{figure.show(values.get(figure.name)):>{_width(figure)}}"
        for figure, values in zip(shown, (event.train, event.validation), strict=True)
    )
    return (
        f"{event.epoch:>5}  {event.train_loss:>7.4f}  {train}  "
        f"{event.validation_loss:>7.4f}  {validation}  "
        f"{event.images_per_second:>10,.0f}  {format_seconds(event.seconds):>7}"
        f"{'  best' if event.best else ''}"
    )
