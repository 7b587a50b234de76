"""Servers: images a second, how late, and the memory of many requests."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, spread


def serving(record: dict[str, Any]) -> str:
    """Of each server and number of clients; or memory over many requests."""
    machine = record["machine"]
    can = f" with {', '.join(machine['instructions'])}" if machine["instructions"] else ""
    head = (
        f"**{record['data']}**: measured {record['date']} on {machine['cpu']}{can}, "
        f"{machine['cores']} cores, Python {machine['python']}; clients on the same machine"
    )
    if "requests" in record:
        return f"{head}.\n\n{memory(record)}\n\n{listed(record['versions'])}\n"
    head += (
        f"; n = {record['rounds']} turns of {record['seconds']:g} s, medians, of images a second "
        "with the least and the most in brackets."
    )
    rows = [
        (
            name if at == 0 else "",
            clients,
            spread(found["per_second"], 1),
            *(f"{found[key]['median']:,.1f}" for key in ("p50_ms", "p99_ms", "cpu_ms")),
            f"{found['errors']['max']:,.0f}",
            f"{found['megabytes']['max']:,.0f}",
        )
        for name, by_clients in record["contenders"].items()
        for at, (clients, found) in enumerate(by_clients.items())
    ]
    heads = (
        *("server", "clients", "answers a second", "p50, ms", "p99, ms"),
        *("CPU ms an answer", "errors, at most", "memory, MB"),
    )
    table = grid(heads, ("---", *["---:"] * 7), rows)
    return f"{head}\n\n{table}\n\n{listed(record['versions'])}\n"


def memory(record: dict[str, Any]) -> str:
    """After each tenth of the requests."""
    step = record["requests"] // len(record["megabytes"])
    rows = [
        (f"{number * step:,}", f"{megabytes:,.1f}")
        for number, megabytes in enumerate(record["megabytes"], 1)
    ]
    table = grid(("requests", "memory of all processes, MB"), ("---:", "---:"), rows)
    return f"{table}\n\nErrors: {record['errors']:,}."
