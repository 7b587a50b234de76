"""Comparison of networks: static costs, and speed and energy measured on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from striate.summary.memory import Memory
from striate.summary.table import Summary
from striate.text import MISSING, columns, format_shape, format_si

_SECONDS = 1.0  #: minimum duration of a measurement
_COUNTER = Path("/sys/class/powercap/intel-rapl:0/energy_uj")  # of the first CPU package


@dataclass(frozen=True)
class Speed:
    """Forward passes measured on this machine, in evaluation mode, after a warm-up."""

    seconds: float  #: median latency of one image
    images_per_second: float  #: in batches
    batch: int
    joules: float | None  #: per image in a batch; None without an energy counter
    device: str
    threads: int


@dataclass(frozen=True, repr=False)
class Comparison:
    """Summaries, memory and speed of several networks, one column each."""

    summaries: tuple[Summary, ...]
    memories: tuple[Memory, ...]  #: of one image
    speeds: tuple[Speed, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return a JSON-ready dict for each network, without its layers."""
        return [
            {key: value for key, value in summary.to_json().items() if key != "layers"}
            | {
                "receptive_field": summary.receptive_field,
                "memory": memory.to_json(),
                "speed": asdict(speed),
            }
            for summary, memory, speed in zip(
                self.summaries, self.memories, self.speeds, strict=True
            )
        ]

    def __repr__(self) -> str:
        heads = ("", *(summary.network for summary in self.summaries))
        pairs = list(zip(self.summaries, self.speeds, strict=True))
        rows = [
            ("input", *(format_shape(a.input) for a in self.summaries)),
            ("parameters", *(f"{a.params:,}" for a in self.summaries)),
            ("multiply-adds", *(format_si(a.macs) for a in self.summaries)),
            ("weights", *(format_si(a.bytes, "B") for a in self.summaries)),
            ("inference memory", *(format_si(m.inference, "B") for m in self.memories)),
            ("training memory", *(_bytes(m.training) for m in self.memories)),
            ("receptive field", *(_shown(a.receptive_field) for a in self.summaries)),
            ("latency, batch 1", *(f"{1000 * s.seconds:.3g} ms" for _, s in pairs)),
            ("images/s", *(f"{s.images_per_second:,.3g}" for _, s in pairs)),
            ("multiply-adds/s", *(format_si(int(a.macs * s.images_per_second)) for a, s in pairs)),
            ("energy per image", *(f"{s.joules:.3g} J" if s.joules else MISSING for _, s in pairs)),
        ]
        return "\n".join([*columns([heads, *rows], left=(0,)), "", self._remark()])

    def _remark(self) -> str:
        first = self.speeds[0]
        where = f"measured on {first.device} with {first.threads} threads, batches of {first.batch}"
        if first.joules is None:
            where += "; energy is not measured: no energy counter found"
        return where


def measure(network: nn.Module, shape: Sequence[int], batch: int = 16) -> Speed:
    """Measure latency and throughput on the device of the network's weights."""
    device = next(network.parameters()).device
    network = network.eval()
    with torch.inference_mode():
        single, _ = _timed(network, torch.rand(1, *shape, device=device))
        several, joules = _timed(network, torch.rand(batch, *shape, device=device))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    each = None if joules is None else joules / batch
    return Speed(single, batch / several, batch, each, name, torch.get_num_threads())


def _timed(network: nn.Module, images: torch.Tensor) -> tuple[float, float | None]:
    """Return the median seconds of a pass, and its mean energy if there is a counter."""
    passes, began, before = list[float](), 0.0, None
    for warm_up in (True, False):
        passes, began, before = list[float](), time.perf_counter(), _energy()
        while len(passes) < 3 or time.perf_counter() - began < _SECONDS / (4 if warm_up else 1):
            start = time.perf_counter()
            network(images)
            if images.device.type == "cuda":
                torch.cuda.synchronize(images.device)
            passes.append(time.perf_counter() - start)
    after = _energy()
    spent = None if before is None or after is None or after < before else after - before
    return statistics.median(passes), None if spent is None else spent / len(passes)


def _energy() -> float | None:
    """Read the CPU's energy counter in joules; None if unavailable."""
    try:
        return int(_COUNTER.read_text("ascii")) / 1e6
    except (OSError, ValueError):
        return None


def _bytes(number: int | None) -> str:
    return MISSING if number is None else format_si(number, "B")


def _shown(field: int | None) -> str:
    return "all" if field is None else f"{field:,}"
