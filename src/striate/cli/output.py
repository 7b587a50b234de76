"""What commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def print_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> None:
    """Columns aligned on stdout; the columns named in `right` to the right."""
    every = [heads, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(heads))]
    for row in every:
        cells = (
            cell.rjust(width) if head in right.split() else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        )
        typer.echo("  ".join(cells).rstrip())
