"""What commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def print_json(document: Mapping[str, Any] | list[Any]) -> None:
    typer.echo(json.dumps(document, indent=2, allow_nan=False))
