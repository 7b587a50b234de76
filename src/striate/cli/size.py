"""`striate size`."""

from __future__ import annotations

from typing import Any

import click

from striate.cli.command import VerbCommand, as_json
from striate.cli.output import print_json


@click.command("size", cls=VerbCommand)
@click.argument("layers", nargs=-1, help='A chain, as "conv(96, 11, stride=4)" "pool(3, 2)".')
@click.option("--input", "pixels", required=True, help="Input size: N, HxW or HxWxC.")
@click.option("--kernel", help="Kernel size; 3x5 for height x width, as all below.")
@click.option("--stride", help="Stride. [default: 1; of --pool the kernel]")
@click.option("--padding", help="Padding on each side, same or valid. [default: 0]")
@click.option("--dilation", help="Dilation. [default: 1]")
@click.option("--filters", help="Filters of a convolution. [default: 1]")
@click.option("--groups", help="Groups of channels and filters. [default: 1]")
@click.option("--no-bias", is_flag=True, help="Without biases.")
@click.option("--pool", is_flag=True, help="A pooling layer.")
@click.option("--transposed", is_flag=True, help="A transposed convolution.")
@as_json
def command(pixels: str, layers: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Compute output sizes, parameters and MACs of layers.

    One layer by its options, or a chain of conv, pool and dense.
    Example: striate size --input 227x227x3 --kernel 11 --stride 4 --filters 96
    """
    from striate.arithmetic import size

    options: dict[str, Any] = {"bias": False} if given.pop("no_bias") else {}
    for name, value in given.items():
        if value not in (None, False):
            options[name] = value if value is True else _sides(value)
    answer = size(_sides(pixels), layers=layers, **options)
    if as_json:
        print_json(answer.to_json())
    else:
        click.echo(repr(answer))
    return 0


def _sides(text: str) -> Any:
    """3 -> 3, 3x5 -> (3, 5); anything else is left to `size` to reject."""
    words = text.split("x") if all(text.split("x")) else [text]
    sides = [int(word) if word.removeprefix("-").isdecimal() else word for word in words]
    return sides[0] if len(sides) == 1 else tuple(sides)
