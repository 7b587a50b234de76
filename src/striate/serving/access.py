"""Who may ask: the address that is listened to, and the token in a file."""

from __future__ import annotations

import hmac
import ipaddress
import os
import stat
from pathlib import Path

from striate.errors import OptionError, StorageError, printable
from striate.serving.answers import RequestError
from striate.serving.head import Head

_LONGEST = 1024
#: paths that need no token: what watches over a server is given none
OPEN = frozenset(("/healthz", "/readyz"))


def read_token(path: Path) -> str:
    """Return the token in a file that none but its owner reads. Raises OptionError, StorageError.

    It is one line of at least 16 characters without spaces.
    """
    shown = printable(str(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            found = os.fstat(descriptor)
            content = file.read(_LONGEST + 1) if stat.S_ISREG(found.st_mode) else b""
    except OSError as error:
        raise StorageError(f"{shown}: {(error.strerror or str(error)).lower()}") from error
    if found.st_mode & 0o077:
        raise OptionError(
            f"{shown}: others can read this token file (mode {stat.S_IMODE(found.st_mode):04o}); "
            f"run chmod 600 {shown}, and put a new token into it"
        )
    token = content.decode("utf-8", "replace").strip()
    if not (16 <= len(token) <= _LONGEST and token.isascii() and token.isprintable()) or (
        " " in token
    ):
        raise OptionError(
            f"{shown}: expected a token of 16 to {_LONGEST:,} letters and digits in one line; "
            f"make one with: openssl rand -hex 32 > {shown}"
        )
    return token


def is_loopback(host: str) -> bool:
    """Return whether a name or address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_host(host: str, token: str | None, *, no_auth: bool) -> None:
    """Raise OptionError for an address that others reach where anyone might ask."""
    if not is_loopback(host) and token is None and not no_auth:
        raise OptionError(
            f"--host {printable(host, 100)} lets other machines ask; give --token-file with a "
            "file that holds a token, or --no-auth if all who reach it may ask"
        )


def authorize(head: Head, token: str | None) -> None:
    """Raise RequestError unless the request carries the token, compared in constant time."""
    if token is None or head.path in OPEN:
        return
    kind, _, given = head.fields.get(b"authorization", b"").partition(b" ")
    if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), token.encode()):
        message = "a token is needed, as in the header field Authorization: Bearer TOKEN"
        raise RequestError(401, "unauthorized", message, WWW_Authenticate="Bearer")
