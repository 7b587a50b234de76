"""`striate train`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from striate.cli.output import print_json
from striate.cli.verb import FILE, Verb, as_json
from striate.text import counted


@click.command("train", cls=Verb, model="TrainOptions")
@click.argument(
    "photos",
    help="A folder of class folders, a manifest or an array file.",
    type=FILE,
    required=False,
)
@click.option("--resume", type=FILE, metavar="RUN", help="Go on with the run in this folder.")
@click.option("--recipe", type=FILE, metavar="FILE", help="Take options from a TOML file.")
@as_json
def command(
    photos: Path | None,
    resume: Path | None,
    recipe: Path | None,
    as_json: bool,
    options: dict[str, Any],
) -> int:
    """Train a network on a folder of pictures.

    Example: striate train photos --network resnet18 --epochs 20

    In four processes: torchrun --nproc-per-node 4 -m striate train photos
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
    from striate.cli.loading import verbs
    from striate.training import display
    from striate.training.events import Finished, Stopped, to_json
    from striate.training.together import launch

    events, code = verbs.stream(photos, recipe=recipe, resume=resume, **options), ""
    for event in display.shown(events):
        code = display.code_flag(event) or code
        if launch.place().rank and isinstance(event, (Stopped, Finished)):
            return event.folder, 128 + event.signal if isinstance(event, Stopped) else 0
        if isinstance(event, Stopped):
            if as_json:
                print_json(to_json(event))
            return event.folder, 128 + event.signal
        if isinstance(event, Finished):
            evaluation = json.loads((event.folder / "evaluation.json").read_text("utf-8"))
            if as_json:
                print_json({**to_json(event), "evaluation": evaluation})
            else:
                _say_what_there_is(event.folder, evaluation, code)
            return event.folder, 0
    raise AssertionError("a training ends with Finished or Stopped")


def _say_what_there_is(folder: Path, evaluation: dict[str, Any], code: str) -> None:
    from striate.judging.scores import Share

    right = Share(**evaluation["accuracy"])
    click.echo(
        f"{right.percent} of {counted(right.n, evaluation['part'] + ' picture')} right "
        f"(95 % interval {right.interval})"
    )
    click.echo(f"report   {folder / 'report.html'}")
    click.echo(f"model    {folder / 'model.safetensors'}")
    click.echo(f"predict  striate predict {folder / 'model.safetensors'} PICTURE...{code}")
