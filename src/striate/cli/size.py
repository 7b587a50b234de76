"""`striate size`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from striate.cli.output import Json, print_json


def command(
    pixels: Annotated[str, typer.Option("--input", help="Pixels along the axis.")],
    kernel: Annotated[str, typer.Option(help="Taps of the window.")],
    stride: Annotated[str, typer.Option(help="Pixels between windows.")] = "1",
    padding: Annotated[str, typer.Option(help="Pixels on each side, same or valid.")] = "0",
    dilation: Annotated[str, typer.Option(help="Pixels between taps.")] = "1",
    transposed: Annotated[
        bool, typer.Option("--transposed", help="Of a transposed convolution.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Compute how many positions a sliding window has.

    Example: striate size --input 227 --kernel 11 --stride 4
    """
    from striate.arithmetic import size

    numbers = map(_number, (pixels, kernel, stride, padding, dilation))
    answer = size(*numbers, transposed=transposed)
    if as_json:
        print_json(answer.to_json())
    else:
        typer.echo(repr(answer))
    return 0


def _number(text: str) -> Any:
    """A whole number where it is one: typer's own conversion would load pydantic."""
    return int(text) if text.removeprefix("-").isdecimal() else text
