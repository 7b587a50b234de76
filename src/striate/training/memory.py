"""Memory estimate of a training step, free memory, and the batch size that fits."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from striate.errors import OptionError
from striate.options import Precision, TrainOptions
from striate.summary.memory import estimate_memory
from striate.text import format_shape, format_si
from striate.training.view import View

AUTO_FRACTION = 0.6  #: fraction of free memory that --batch auto may use
_LARGEST = 2**16


@dataclass(frozen=True)
class MemoryBudget:
    """Memory needed by training steps, and the bytes that are free (None: unknown)."""

    network: nn.Module
    view: View
    free: int | None

    def required_bytes(self, batch: int) -> int | None:
        """Return a lower bound of the bytes of a step; None if unknown.

        Counts activations and gradients, one copy of all weights in the optimizer, and the next
        batch.
        """
        try:
            told = estimate_memory(self.network, self._shape, batch)
        except OptionError:
            if self.view.network.ours:
                raise
            return None  # its forward depends on tensor values, and meta tensors have none
        if told.training is None:
            return None
        images = 4 * batch * math.prod(self._shape)
        return told.training + told.weights + images

    def resolve_batch_size(self, options: TrainOptions, images: int) -> TrainOptions:
        """Replace batch "auto" by a power of two, at least 2.

        Raises OptionError if the needed or free memory is unknown.
        """
        if options.batch != "auto":
            return options
        if self.free is None or self.required_bytes(2) is None:
            raise OptionError(
                f"how much memory {self.view.network} takes, or how much is free, cannot be told "
                "here; give --batch a number in place of auto"
            )
        return options.model_copy(update={"batch": max(2, self._largest(images, AUTO_FRACTION))})

    def check_fits(self, batch: int, precision: Precision) -> None:
        """Raise OptionError if a step will not fit, before the system kills the process."""
        needed = self.required_bytes(batch)
        if needed is None or self.free is None:
            return
        needed = needed // 2 if precision == "bfloat16" else needed
        if needed <= self.free:
            return
        fits = self._largest(batch - 1, 1)
        advice = f"--batch {fits} or less, " if fits else ""
        side = "--size" if self.view.crop is None else "crop_size"
        raise OptionError(
            f"a step of {batch:,} images of {format_shape(self._shape)} takes about "
            f"{format_si(needed, 'B')} of memory with {self.view.network}, but "
            f"{format_si(self.free, 'B')} are free; take {advice}a smaller {side} or another "
            "network"
        )

    def _largest(self, images: int, share: float) -> int:
        """Return the largest power of two up to `images` that fits into a share of memory, or 0."""
        sizes = [2**power for power in range(1, min(images, _LARGEST).bit_length())]
        most = share * (self.free or 0)
        fit = bisect_right(sizes, most, key=lambda size: self.required_bytes(size) or 0)
        return sizes[fit - 1] if fit else 0

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.view.train_shape


def free_memory(device: torch.device, resident: int = 0, system: Path = Path("/")) -> int | None:
    """Return the bytes available to steps on a device, less `resident` on a GPU; None if unknown.

    On a CPU, the smaller of what the machine has without swapping and what its cgroups allow.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] - resident
    return min((*_of_machine(system), *_of_groups(system)), default=None)


def _of_machine(system: Path) -> Iterator[int]:
    for line in _lines(system / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield 1024 * int(line.split()[1])


def _of_groups(system: Path) -> Iterator[int]:
    """Yield the free bytes of each cgroup (version 1 or 2) of the process."""
    for line in _lines(system / "proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        root = system / "sys/fs/cgroup" / ("memory" if kinds else "")
        group = root / path.strip("/")
        for place in (group, *group.parents):
            if place.is_relative_to(root):
                yield from _left(place, *(_FIRST_VERSION if kinds else _SECOND_VERSION))


_FIRST_VERSION = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_SECOND_VERSION = ("memory.max", "memory.current", "inactive_file")


def _left(group: Path, limit: str, used: str, cached: str) -> Iterator[int]:
    """Yield limit minus usage; the page cache counts as free."""
    most, now = _lines(group / limit), _lines(group / used)
    if most and now and most[0].isdigit():
        stat = dict(line.split() for line in _lines(group / "memory.stat"))
        yield int(most[0]) - int(now[0]) + int(stat.get(cached, 0))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return []
