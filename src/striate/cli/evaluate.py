"""`striate evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.output import print_json
from striate.errors import OptionError, printable
from striate.storage import MODEL_FILE
from striate.text import name_inputs


@click.command("evaluate", cls=VerbCommand, model="EvaluateOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
@click.argument(
    "places",
    help="Labeled images, before them a second model to compare; without images, those of the run.",
    metavar="[MODEL_B] [DATA]",
    nargs=-1,
    type=FILE,
)
@as_json
def command(model: Path, places: tuple[Path, ...], as_json: bool, options: dict[str, Any]) -> int:
    """Evaluate a model, or two on the same images, on labeled images.

    Example: striate evaluate runs/photos-resnet18 photos --out report.html
    """
    second, data = _tell_apart(places)
    models = [each for each in (model, second) if each is not None]
    for each in models:
        early.check_model(each)
    if data is not None:
        early.check_photos(data)
    for each in models:
        early.tell_of_run(each)
    from striate.cli.lazy import verbs

    if second is not None:
        pair = verbs.evaluate_pair(model, second, data, **options)
        print_json(pair.to_json()) if as_json else click.echo(str(pair))
        return 0
    evaluation, distorted, rejection, suspects = verbs.evaluate_in_full(model, data, **options)
    if as_json:
        more = {"invariance": distorted, "none_of_these": rejection}
        told = {name: each.to_json() for name, each in more.items() if each}
        print_json({**evaluation.to_json(), **told})
    else:
        parts = (evaluation, rejection, distorted)
        told = "\n\n".join(str(each) for each in parts if each)
        click.echo(name_inputs(told, evaluation.about.inputs))
    if suspects:
        told = [f"{len(own.found):,} of {own.images:,} {split}" for split, own in suspects.items()]
        listed = printable(str(options["suspects"]))
        click.echo(f"{listed}: {', '.join(told)} images", err=True)
    stored = {
        "temperature": options.get("calibrate"),
        "threshold": options.get("save_threshold"),
        "limit of what is rejected": "reject" in options and rejection,
    }
    held = " and ".join(name for name, there in stored.items() if there)
    if "reject" in options and not rejection:
        click.echo(f"{printable(str(model))}: its model file now rejects no image", err=True)
    if held:
        click.echo(f"{printable(str(model))}: its model file now holds this {held}", err=True)
    return 0


def _tell_apart(places: tuple[Path, ...]) -> tuple[Path | None, Path | None]:
    """Return the second model and the images; what is no model is images.

    Raises OptionError for more than these.
    """
    match places:
        case ():
            return None, None
        case (place,):
            return (place, None) if _is_model(place) else (None, place)
        case (second, data):
            return second, data
        case _:
            came = ", ".join(printable(str(place)) for place in places)
            raise OptionError(
                f"evaluate takes one or two models and one folder of images, but after the first "
                f"model came {came}"
            )


def _is_model(place: Path) -> bool:
    return place.suffix == ".safetensors" or (place / MODEL_FILE).is_file()
