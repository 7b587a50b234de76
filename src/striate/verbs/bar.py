"""A progress bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TextIO, TypeVar, cast

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from striate.distributed import launch
from striate.progress import Pace, drain, throttle
from striate.text import Display

T = TypeVar("T")


def make_bar(console: Console | None) -> Bar:
    """Return a bar on stderr or the given console."""
    others = launch.process_info().rank > 0  # only rank 0 logs
    stderr = cast(TextIO, Display(sys.stderr))
    console = console or Console(file=stderr, highlight=False, emoji=False, quiet=others)
    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def show_pace(work: Generator[Pace, None, T], console: Console | None = None) -> T:
    """Run a generator with a bar of speed and time left, and return its value."""
    with make_bar(console) as bar:
        task = bar.add_task("", total=None, text="")

        def show(pace: Pace) -> None:
            bar.update(task, completed=pace.done, total=pace.total, text=tell_pace(pace))

        return drain(throttle(work), show)


def tell_pace(pace: Pace) -> str:
    """Return "1,200 of 5,000 images  310 images/s  0:12 left", without what is not known."""
    of = "" if pace.total is None else f" of {pace.total:,}"
    told = f"{pace.done:,}{of} {pace.what}"
    if pace.per_second:
        told += f"  {pace.per_second:,.0f} {pace.what}/s"
    return told if pace.remaining is None else f"{told}  {format_seconds(pace.remaining)} left"


def format_seconds(seconds: float) -> str:
    """Format a duration as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
