"""What `striate serve` does: a server in this process, the model in another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from striate.distributed.launch import usable_cores
from striate.options import ServeOptions
from striate.serving.access import check_host, is_loopback, read_token
from striate.serving.limits import Limits
from striate.serving.metrics import check_installed
from striate.serving.server import Settings, run_server

_ENGINE = ("-m", "striate.verbs.engine")


def serve(model: Path, options: ServeOptions, tell: Callable[[str], None]) -> int:
    """Serve a model until a signal; return the exit code, 0 after SIGTERM.

    `tell` is given a line for people now and then. Raises OptionError for an address or token file
    that cannot be used, and what loading the model raises.
    """
    check_installed()
    token = read_token(options.token_file) if options.token_file else None
    check_host(options.host, token, no_auth=options.no_auth)
    if not is_loopback(options.host):
        who = "who has the token" if token else "anybody"
        tell(f"warning: other machines reach {options.host}: {who} may ask, without encryption")
    return run_server(
        Settings(_command(model, options), options.host, options.port, token, options.top,
                 _limits(options)),
        tell,
    )  # fmt: skip


def _command(model: Path, options: ServeOptions) -> tuple[str, ...]:
    """Return how the process is started that holds the model."""
    names = ("network", "gallery", "device", "positive", "threshold", "largest", "batch")
    given = {name: getattr(options, name) for name in names}
    told = {"model": str(model), "threads": options.threads, "options": given}
    return (*_ENGINE, json.dumps(told, default=str))


def _limits(options: ServeOptions) -> Limits:
    return Limits(
        batch=options.batch,
        wait=options.wait / 1000,
        queue=options.queue,
        connections=options.connections,
        body=options.body * 10**6,
        held=max(256, 2 * options.body) * 10**6,
        largest_megabytes=options.largest,
        decoders=options.decoders or usable_cores(),
        head_seconds=options.head_seconds,
        body_seconds=options.body_seconds,
        write_seconds=options.body_seconds,
        decode_seconds=options.decode_seconds,
    )
