"""What commands print: every name is made printable here, and a stream that fails is told of.

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from striate.errors import StorageError, visible
from striate.storage import storage_error
from striate.text import Display, discard

_LOST = "what should have been printed there is lost"


def print_json(document: Mapping[str, Any] | list[Any]) -> None:
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def complain(text: str) -> None:
    """Print on stderr; on stdout where that is not possible."""
    stderr = sys.stderr
    click.echo(visible(text), err=True)
    if isinstance(stderr, Display) and stderr.lost:
        with contextlib.suppress(StorageError, SystemExit):
            click.echo(text)


class _Results(io.TextIOBase):
    """Standard output, in which all is printable.

    Raises StorageError where it cannot be written to; ends the process quietly, as a signal would,
    where its reader went away.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        shown = visible(text).encode(self.encoding, "backslashreplace").decode(self.encoding)
        if shown:  # click tries its streams with nothing, and hides what they raise
            self._try("write", shown)
        return len(text)

    def flush(self) -> None:
        self._try("flush")

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def _try(self, what: str, *values: str) -> None:
        try:
            if self._stream is None:
                raise OSError(errno.EBADF, "closed")
            getattr(self._stream, what)(*values)
        except BrokenPipeError:
            discard(self._stream)
            raise SystemExit(128 + signal.SIGPIPE) from None
        except OSError as error:
            discard(self._stream)
            raise storage_error(Path("standard output"), error, _LOST) from error


@contextlib.contextmanager
def standard_streams() -> Generator[None]:
    """In the block, stdout tells of its failures and stderr may fail without a word."""
    with (
        contextlib.redirect_stdout(_Results(sys.stdout)),
        contextlib.redirect_stderr(Display(sys.stderr)),
    ):
        yield


def fill_closed_streams() -> None:
    """Let no file of ours take the number of a standard stream that is closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
