"""`striate size`."""

from __future__ import annotations

from typing import Any

import click

from striate.cli.output import print_json
from striate.cli.verb import Verb, as_json


@click.command("size", cls=Verb)
@click.option("--input", "pixels", required=True, help="Pixels along the axis.")
@click.option("--kernel", required=True, help="Taps of the window.")
@click.option("--stride", default="1", help="Pixels between windows.")
@click.option("--padding", default="0", help="Pixels on each side, same or valid.")
@click.option("--dilation", default="1", help="Pixels between taps.")
@click.option("--transposed", is_flag=True, help="Of a transposed convolution.")
@as_json
def command(
    pixels: str,
    kernel: str,
    stride: str,
    padding: str,
    dilation: str,
    transposed: bool,
    as_json: bool,
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
        click.echo(repr(answer))
    return 0


def _number(text: str) -> Any:
    """A whole number where it is one; `size` says what is wrong with anything else."""
    return int(text) if text.removeprefix("-").isdecimal() else text
