"""`striate train`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.distributed import launch
from striate.errors import printable
from striate.text import count_noun, name_inputs, shell_command

if TYPE_CHECKING:
    from striate.training.events import Finished


@click.command("train", cls=VerbCommand, model="TrainOptions")
@click.argument(
    "data",
    help="A folder of class folders, a manifest or an array file.",
    type=FILE,
    required=False,
)
@click.option("--resume", type=FILE, metavar="RUN", help="Resume the run in this folder.")
@click.option("--recipe", type=FILE, metavar="FILE", help="Take options from a TOML file.")
@as_json
def command(
    data: Path | None,
    resume: Path | None,
    recipe: Path | None,
    as_json: bool,
    options: dict[str, Any],
) -> int:
    """Train a network on a folder of images.

    Example: striate train photos --network resnet18 --epochs 20

    In four processes: torchrun --nproc-per-node 4 -m striate train photos
    """
    if launch.process_info().world_size == 1:  # with several ranks, rank 0 reports for all
        early.check_training(data, resume)
    return run_training(data, recipe=recipe, resume=resume, as_json=as_json, options=options)[1]


def run_training(
    data: Path | None,
    *,
    options: Mapping[str, Any],
    recipe: Path | None = None,
    resume: Path | None = None,
    as_json: bool = False,
) -> tuple[Path, int]:
    """Train, show progress and print the result; return the run folder and exit code."""
    from striate.cli.lazy import verbs
    from striate.tasks import find_task
    from striate.training.events import Finished, Started, Stopped, to_json
    from striate.training.run import Run
    from striate.verbs import display

    events, code = verbs.stream(data, recipe=recipe, resume=resume, **options), ""
    used_by, inputs = ("", ""), "image"
    with contextlib.closing(display.show_events(events)) as shown:
        for event in shown:
            code = display.code_flag(event) or code
            if isinstance(event, Started):
                used_by, inputs = find_task(event.task).used_by, event.inputs
            if isinstance(event, Stopped | Finished):
                break
        else:
            raise AssertionError("a training ends with Finished or Stopped")
    if isinstance(event, Stopped):
        if as_json and not launch.process_info().rank:
            print_json(to_json(event))
        return event.folder, 128 + event.signal
    if not launch.process_info().rank:
        if as_json:
            evaluation = Run(event.folder).read_json("evaluation.json")
            print_json({**to_json(event), "evaluation": evaluation})
        else:
            _say_what_there_is(event, used_by, code, inputs)
    return event.folder, 0


def _say_what_there_is(event: Finished, used_by: tuple[str, str], code: str, inputs: str) -> None:
    from striate.tasks.sections import same_answer

    folder, scores, (verb, given) = event.folder, event.scores, used_by
    use = shell_command(["striate", verb, folder / "model.safetensors"])
    if scores and scores.leaked:
        of_all = (
            f"{scores.leaked:,} of {count_noun(scores.figures[0].images, f'{scores.split} image')}"
        )
        group = ", or their group is" * scores.grouped
        told = f"leakage: {of_all} in an earlier split too{group}, so the figures are too good"
        click.echo(name_inputs(told, inputs))
    if scores and scores.near_leaked:
        alike = count_noun(scores.near_leaked, f"{scores.split} image")
        click.echo(name_inputs(f"near duplicates of images in an earlier split: {alike}", inputs))
    click.echo(name_inputs(str(scores), inputs))
    if scores and scores.same_answer:
        click.echo(name_inputs(same_answer(scores.figures[0].images), inputs))
    place = printable(str(folder))
    click.echo(f"report   {place}/report.html")
    click.echo(f"model    {place}/model.safetensors")
    click.echo(f"{verb:7}  {use} {given.replace('IMAGE', inputs.upper())}{code}")
