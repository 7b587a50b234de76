"""What a network takes: memory, and the machine's arithmetic."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid


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
