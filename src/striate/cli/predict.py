"""`striate predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

import click

from striate.cli import early
from striate.cli.command import FILE, VerbCommand, as_json
from striate.cli.imports import without_collection
from striate.cli.output import print_json
from striate.errors import printable

_STDIN = "-"
#: option -> what is written there
_FILES = {"out": "table", "masks": "masks", "overlays": "overlays"}


class _PredictCommand(VerbCommand):
    """Begins with an exported model, and what decodes, before much else is imported."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        models = [Path(word) for word in args if word.endswith(".onnx")]
        if models and not any("openvino" in word for word in args) and models[0].is_file():
            from striate.data.cache.workers import begin_worker
            from striate.sealed import begin_session

            ctx.with_resource(begin_worker())
            ctx.with_resource(begin_session(models[0]))
        return super().parse_args(ctx, args)


@click.command("predict", cls=_PredictCommand, model="PredictOptions")
@click.argument("model", help="A model file, or the folder of a run.", type=FILE)
@click.argument(
    "paths",
    help="Images, folders, archives, patterns as 'a/**/*.jpg'; - for names on standard input.",
    type=FILE,
    nargs=-1,
    required=True,
)
@click.option("--strict", is_flag=True, help="Exit 3 when an image could not be read.")
@as_json
def command(
    model: Path, paths: Sequence[Path], strict: bool, as_json: bool, options: dict[str, Any]
) -> int:
    """Predict images with a trained model.

    Example: striate predict runs/photos-resnet18 cat.jpg --out found.csv
    """
    early.check_model(model)
    with without_collection():
        early.check_paths(path for path in paths if str(path) != _STDIN)
    early.tell_of_run(model)
    failed = print_predictions(model, paths, options=options, as_json=as_json)
    return 3 if failed and strict else 0


def print_predictions(
    model: Path, paths: Sequence[Path], *, options: dict[str, Any], as_json: bool = False
) -> int:
    """Predict and print, or write; return the number of unreadable files."""
    exported, engine = model.suffix.lower() == ".onnx", options.get("engine", "auto")
    if engine not in ("auto", "torch") and not exported:
        click.echo(f"engine    {engine}, for which a model file is made ready once", err=True)
        exported = True
    if exported:  # needs no PyTorch, which takes seconds to load
        with without_collection():
            from striate import verbs
            from striate.verbs import answering as answering
    else:
        from striate.cli.lazy import verbs

    data = [_names() if str(path) == _STDIN else path for path in paths]
    if options.keys() & _FILES.keys() == {"out"} and not as_json:
        written = verbs.predict_to_file(model, *data, progress=True, **options)
        images, failed = written.images, written.failed
    else:
        predictions = verbs.predict(model, *data, **options)
        images, failed = len(predictions), predictions.failed
        if as_json:
            print_json(predictions.to_json())
        elif "out" not in options:
            click.echo(str(predictions))
    for name, what in _FILES.items():
        if name in options:
            click.echo(f"{what:<8}  {printable(str(options[name]))}", err=True)
    if failed:
        click.echo(f"{failed:,} of {images:,} files could not be read", err=True)
    return failed


def _names() -> Iterable[Any]:
    """Return the files whose names come on standard input."""
    from striate.prediction.paths import read_names

    return read_names(cast(BufferedIOBase, sys.stdin.buffer))
