"""`striate train`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from striate.cli.output import Json, print_json
from striate.text import counted


def command(
    photos: Annotated[
        Path | None, typer.Argument(help="A folder of class folders, a manifest or an array file.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder.", metavar="RUN")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Take options from a TOML file.", metavar="FILE")
    ] = None,
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> int:
    """Train a network on a folder of pictures.

    Example: striate train photos --network resnet18 --epochs 20
    """
    return follow(photos, recipe=recipe, resume=resume, as_json=as_json, options=options)[1]


def follow(
    photos: Path | None,
    *,
    options: Mapping[str, Any],
    recipe: Path | None = None,
    resume: Path | None = None,
    as_json: bool = False,
) -> tuple[Path, int]:
    """Train, show it, and print what came of it; the run's folder and the exit code."""
    from striate import verbs
    from striate.training import display
    from striate.training.events import Finished, Stopped, to_json

    events = verbs.stream(photos, recipe=recipe, resume=resume, **options)
    for event in display.shown(events):
        if isinstance(event, Stopped):
            if as_json:
                print_json(to_json(event))
            return event.folder, 128 + event.signal
        if isinstance(event, Finished):
            evaluation = json.loads((event.folder / "evaluation.json").read_text("utf-8"))
            if as_json:
                print_json({**to_json(event), "evaluation": evaluation})
            else:
                _say_what_there_is(event.folder, evaluation)
            return event.folder, 0
    raise AssertionError("a training ends with Finished or Stopped")


def _say_what_there_is(folder: Path, evaluation: dict[str, Any]) -> None:
    from striate.judging.scores import Share

    right = Share(**evaluation["accuracy"])
    typer.echo(
        f"{right.percent} of {counted(right.n, evaluation['part'] + ' picture')} right "
        f"(95 % interval {right.interval})"
    )
    typer.echo(f"report   {folder / 'report.html'}")
    typer.echo(f"model    {folder / 'model.safetensors'}")
    typer.echo(f"predict  striate predict {folder / 'model.safetensors'} PICTURE...")
