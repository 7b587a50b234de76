"""Output of commands: names are made printable, and stream failures are reported.

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
    """Print on stderr; on stdout if that fails."""
    stderr = sys.stderr
    click.echo(visible(text), err=True)
    if isinstance(stderr, Display) and stderr.lost:
        with contextlib.suppress(StorageError, SystemExit):
            click.echo(text)


class _Results(io.TextIOBase):
    """Standard output with unprintable characters escaped.

    Raises StorageError if it is not writable; exits quietly, like SIGPIPE, if the reader closed
    the pipe.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        shown = visible(text).encode(self.encoding, "backslashreplace").decode(self.encoding)
        if shown:  # click probes its streams with empty writes, and hides their exceptions
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
    """Within the block, stdout raises on failure and stderr fails silently."""
    with (
        contextlib.redirect_stdout(_Results(sys.stdout)),
        contextlib.redirect_stderr(Display(sys.stderr)),
    ):
        yield


def fill_closed_streams() -> None:
    """Open /dev/null for closed standard streams, so that no file gets their descriptors."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
