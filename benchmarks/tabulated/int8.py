"""Networks in 8 bits: how fast they are, and what they lose."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, measured_on, spread

_EAGER = "PyTorch float32"


def speed(record: dict[str, Any]) -> str:
    """Milliseconds of an image by each engine, and how many times as fast as eager PyTorch."""
    busiest = max(
        turns["others"]
        for each in record["networks"].values()
        for turns in each["batches"].values()
    )
    head = (
        f"{record['data']} pixels, eager PyTorch given normalized "
        f"float32 with channels first, the others bytes. {measured_on(record)}; medians of "
        f"n = {record['n']} rounds, least and most in brackets, ratios within a round; others had "
        f"up to {busiest:.0%} of the machine."
    )
    rows = [
        (
            name,
            batch,
            engine,
            spread(found["ms"], 2),
            "" if engine == _EAGER else spread(found["times"], 1),
            f"{each['goal']}" if batch == "32" and engine.endswith("int8") and each["goal"] else "",
        )
        for name, each in record["networks"].items()
        for batch, turns in each["batches"].items()
        for engine, found in turns["engines"].items()
    ]
    heads = ("network", "batch", "engine", "ms an image", "times eager PyTorch", "goal, the better")
    table = grid(heads, ["---", "---:", "---", *["---:"] * 3], rows)
    sizes = "; ".join(
        f"{name} {bytes_['float32'] / 1e6:.1f} MB, in 8 bits {bytes_['int8'] / 1e6:.1f}"
        for name, bytes_ in ((name, each["bytes"]) for name, each in record["networks"].items())
    )
    return f"{head}\n\n{table}\n\nFiles: {sizes}.\n\n{listed(record['versions'])}\n"


def accuracy(record: dict[str, Any]) -> str:
    """What each model loses on its test images, and which layers stay in float."""
    head = (
        f"Layers and rounding are chosen on validation images, which the figures are not of. "
        f"{measured_on(record)}; 95 % intervals in brackets."
    )
    rows = [
        (
            name,
            each["network"],
            f"{each['images']:,}",
            each["figure"],
            each["float32"],
            each["int8"],
            each["verdict"],
            f"{len(each['floats'])} of {each['layers']}" if each["layers"] else "refused",
        )
        for name, each in record["models"].items()
    ]
    heads = ("model", "network", "images", "figure", "float32", "int8", "paired test", "in float")
    table = grid(heads, ["---", "---", "---:", "---", "---:", "---:", "---", "---:"], rows)
    return f"{head}\n\n{table}\n\n{listed(record['versions'])}\n"
