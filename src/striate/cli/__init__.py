"""The command line: a small file a verb, over the functions of `striate.verbs`.

Results go to stdout, everything else to stderr; the exit code is the error's.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

import striate
from striate.cli import check, demo, describe, evaluate, networks, predict, size, train
from striate.cli.flags import with_flags
from striate.cli.vision import filter as filter_
from striate.cli.vision import numbers
from striate.errors import StriateError, printable

_VERBS = {
    "demo": (demo.command, ""),
    "check": (check.command, ""),
    "train": (train.command, "TrainOptions"),
    "evaluate": (evaluate.command, "EvaluateOptions"),
    "predict": (predict.command, "PredictOptions"),
    "networks": (networks.command, ""),
    "describe": (describe.command, ""),
    "size": (size.command, ""),
    "filter": (filter_.command, "FilterOptions"),
    "numbers": (numbers.command, ""),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: see `striate.errors`."""
    # Before torch starts its threads: one that waits gives up its core after about a millisecond.
    # By default it holds it, and a training beside other work slows down many times over.
    os.environ.setdefault("GOMP_SPINCOUNT", "100000")
    arguments = list(sys.argv[1:] if argv is None else argv)
    detailed = "--traceback" in arguments
    arguments = [argument for argument in arguments if argument != "--traceback"]
    app = _app(arguments[:1])
    try:
        return typer.main.get_command(app).main(arguments, "striate", standalone_mode=False) or 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001
        if detailed:
            traceback.print_exc()
        code, text = _explained(error, arguments[:1])
    typer.echo(f"striate: error: {text}", err=True)
    return code


def run() -> None:
    """The entry point of the installed command; quiet when a reader such as `head` goes away."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())


def _app(asked: Sequence[str]) -> typer.Typer:
    """The commands; only the one that is asked for gets its flags, so that `--help` is quick."""
    app = typer.Typer(
        help="Turns pictures into a convolutional network you can train, understand and trust.",
        epilog="Start with: striate demo",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_root)
    for name, (command, model) in _VERBS.items():
        if model:
            command = with_flags(command, model if name in asked else "")
        app.command(name)(command)
    return app


def _root(
    version: bool = typer.Option(False, "--version", help="Print the version."),
    _traceback: bool = typer.Option(False, "--traceback", help="Show where an error came from."),
) -> None:
    if version:
        typer.echo(f"striate {striate.__version__}")
        raise typer.Exit


def _explained(error: BaseException, asked: Sequence[str]) -> tuple[int, str]:
    """The exit code and the sentence for an error; what we did not raise on purpose is a bug."""
    if isinstance(error, StriateError):
        return error.exit_code, str(error)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return 130, "interrupted"
    if isinstance(error, TyperException):
        message = printable(error.format_message()).rstrip(".")
        place = " ".join(["striate", *(verb for verb in asked if verb in _VERBS)])
        return 2, f"{message[:1].lower()}{message[1:]}; see `{place} --help`"
    return StriateError.exit_code, (
        f"{type(error).__name__}: {error}\nthis is a bug of striate: please report it with "
        "what --traceback prints"
    )
