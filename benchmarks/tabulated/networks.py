"""What a network takes: memory, and the machine's arithmetic."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, spread


def peak_memory(record: dict[str, Any]) -> str:
    """What striate tells beside what torch takes, in MB."""
    networks = record["networks"]
    layouts = list(next(iter(networks.values()))["inference"]["took"])
    head = (
        f"Batch {record['batch']}, bytes beyond weights. Measured {record['date']} on "
        f"{record['device']} with torch {record['versions']['torch']}; n = 1, since nothing varies."
    )
    heads = ("network", "pass", "told, MB", *(f"taken, {layout}, MB" for layout in layouts))
    rows = list[tuple[str, ...]]()
    for name, passes in networks.items():
        for way, entry in passes.items():
            told = entry["told"]
            took = (f"{t / 1e6:,.1f} ({told / t - 1:+.1%})" for t in entry["took"].values())
            rows.append((name, way, f"{told / 1e6:,.1f}", *took))
    return f"{head}\n\n{grid(heads, ['---', '---', *['---:'] * (1 + len(layouts))], rows)}\n"


def matrix_rate(record: dict[str, Any]) -> str:
    """The share of the rate of matrix products that a training step reaches."""
    rates = record["rates"]
    best = " and ".join(
        f"{entry['rate'] / 1e9:,.0f} thousand million multiply-adds a second in {name} (squares of "
        f"{entry['side']:,})"
        for name, entry in rates.items()
    )
    head = (
        f"torch.mm reached {best} on {record['device']} with {record['threads']} threads, measured "
        f"{record['date']} with torch {record['versions']['torch']}. A step is forward, backward "
        "and update; three times the multiply-adds of an image are counted. Medians, least and "
        "most in brackets."
    )
    rows = [
        (
            name,
            f"{entry['batch']}",
            f"{entry['macs'] / 1e6:,.1f}",
            precision,
            spread(entry[precision]["milliseconds"], 1),
            f"{entry[precision]['share']:.1%}",
        )
        for name, entry in record["networks"].items()
        for precision in rates
    ]
    heads = ("network", "batch", "million multiply-adds", "precision", "step, ms", "share")
    return f"{head}\n\n{grid(heads, ['---', '---:', '---:', '---', '---:', '---:'], rows)}\n"
