"""Tables in Markdown, and what stands above each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def grid(heads: Sequence[str], rule: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def spread(values: dict[str, float], digits: int) -> str:
    median, least, most = (f"{values[key]:,.{digits}f}" for key in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


def measured_on(record: Mapping[str, Any]) -> str:
    """When, and on what."""
    machine = record["machine"]
    can = f" with {', '.join(machine['instructions'])}" if machine["instructions"] else ""
    return (
        f"Measured {record['date']} on {machine['cpu']}{can}; {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {record['threads']} threads, {machine['system']}, "
        f"Python {machine['python']}"
    )


def listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
