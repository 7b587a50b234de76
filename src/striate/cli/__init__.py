"""Command line: one file per command, wrapping the functions of `striate.verbs`.

Results go to stdout, everything else to stderr; the exit code is the error's.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

import click

import striate
from striate.cli import (
    cache,
    check,
    compare,
    demo,
    describe,
    embed,
    ensemble,
    evaluate,
    export,
    find_rate,
    forecast,
    generate,
    info,
    look,
    networks,
    numbers,
    pack,
    points,
    predict,
    serve,
    size,
    train,
    transferability,
    verify,
)
from striate.cli import filter as filter_
from striate.cli.output import complain, fill_closed_streams, standard_streams
from striate.distributed import launch
from striate.errors import PeerFailedError, StriateError, printable


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: see `striate.errors`."""
    # Set before torch starts its threads: idle threads release their core after about 0.3 ms. By
    # default they spin, and training beside other work slows down many times over.
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")
    # The same for NumPy's threads, which spin for a tenth of a second when it is imported.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    if (
        launch.process_info().world_size > 1
    ):  # else PyTorch adds a stack trace to the failed rank's error
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    arguments = list(sys.argv[1:] if argv is None else argv)
    detailed = "--traceback" in arguments
    arguments = [argument for argument in arguments if argument != "--traceback"]
    with standard_streams():
        try:
            return _striate.main(arguments, "striate", standalone_mode=False) or 0
        except (Exception, KeyboardInterrupt, _Terminated) as error:  # noqa: BLE001
            if detailed:
                complain(traceback.format_exc())
            code, text = _explained(error, arguments[:1])
            if not _told_elsewhere(error):
                complain(f"striate: error: {text}")
            return code


def run() -> None:
    """Entry point of the installed command."""
    fill_closed_streams()
    if (
        launch.process_info().world_size == 1
    ):  # ranks of torchrun may block on each other, where no Python handler runs
        signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())


class _Terminated(SystemExit):
    """Raised on SIGTERM; ends a command like Ctrl-C."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


_SIGNALS = (KeyboardInterrupt, _Terminated)


class _InOrder(click.Group):
    """Lists commands in the order they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)


@click.group(
    cls=_InOrder,
    epilog="Start with: striate demo",
    invoke_without_command=True,
    context_settings={"token_normalize_func": lambda word: word.replace("_", "-")},
)
@click.version_option(striate.__version__, message="striate %(version)s", help="Print the version.")
@click.option(
    "--traceback", is_flag=True, expose_value=False, help="Show where an error came from."
)
@click.pass_context
def _striate(context: click.Context) -> int:
    """Train, evaluate and inspect image classifiers."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return 2
    return 0


for _verb in (
    *(demo, check, find_rate, pack, train, compare, transferability, forecast, verify),
    *(evaluate, ensemble, info, export, predict, serve, embed, generate, look, networks, describe),
    *(size, filter_, numbers, points, cache),
):
    _striate.add_command(_verb.command)


def _told_elsewhere(error: BaseException) -> bool:
    """Whether another rank reports the same error; all ranks have the same command line."""
    usage = isinstance(error, click.ClickException) and launch.process_info().local_rank > 0
    return usage or isinstance(error, PeerFailedError)


def _explained(error: BaseException, asked: Sequence[str]) -> tuple[int, str]:
    """Return exit code and message of an error; unexpected exceptions are reported as bugs."""
    if isinstance(error, ImportError) and isinstance(error.__cause__, _SIGNALS):
        error = error.__cause__  # a signal that came while a library in C was loaded
    if isinstance(error, StriateError):
        return error.exit_code, str(error)
    if isinstance(error, _Terminated):
        return 128 + signal.SIGTERM, "ended by SIGTERM"
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return 130, "interrupted"
    if isinstance(error, click.ClickException):
        message = printable(error.format_message()).rstrip(".")
        words = [word.replace("_", "-") for word in asked]
        place = " ".join(["striate", *(verb for verb in words if verb in _striate.commands)])
        return 2, f"{message[:1].lower()}{message[1:]}; see `{place} --help`"
    return StriateError.exit_code, (
        f"{type(error).__name__}: {error}\nthis is a bug of striate: please report it with "
        "what --traceback prints"
    )
