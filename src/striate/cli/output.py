"""What commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click


def print_json(document: Mapping[str, Any] | list[Any]) -> None:
    click.echo(json.dumps(document, indent=2, allow_nan=False))
