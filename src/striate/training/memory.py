"""The memory that a step takes, the memory that is free, and the batch that fits into it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from striate.errors import OptionError
from striate.options import TrainOptions
from striate.summary.layer import amount, volume
from striate.summary.memory import estimate_memory
from striate.training.recipe import Recipe, View

AUTO_FRACTION = 0.6  #: of the free memory, that a batch found from it may take
_LARGEST = 2**16


@dataclass(frozen=True)
class MemoryBudget:
    """What steps of a network take, and the bytes that are free for them (None: unknown)."""

    network: nn.Module
    view: View
    free: int | None

    def required_bytes(self, batch: int) -> int | None:
        """Bytes of a step, at least; None: it cannot be told.

        What comes and goes, a copy of all weights in the optimizer, and the next batch.
        """
        try:
            told = estimate_memory(self.network, self._shape, batch)
        except OptionError:
            if self.view.network.ours:
                raise
            return None  # its forward asks for values, and here are none
        if told.training is None:
            return None
        images = 4 * batch * self.view.channels * self.view.size**2
        return told.training + told.weights + images

    def resolve_batch_size(self, options: TrainOptions, images: int) -> TrainOptions:
        """The options with a number where the batch is "auto": a power of two, 2 at least.

        Raises OptionError where memory is unknown.
        """
        if options.batch != "auto":
            return options
        if self.free is None or self.required_bytes(2) is None:
            raise OptionError(
                f"how much memory {self.view.network} takes, or how much is free, cannot be told "
                "here; give --batch a number in place of auto"
            )
        return options.model_copy(update={"batch": max(2, self._largest(images, AUTO_FRACTION))})

    def check_fits(self, recipe: Recipe) -> None:
        """Raises OptionError where a step will not fit, before the system ends the process."""
        needed = self.required_bytes(recipe.batch)
        if needed is None or self.free is None:
            return
        needed = needed // 2 if recipe.precision == "bfloat16" else needed
        if needed <= self.free:
            return
        fits = self._largest(recipe.batch - 1, 1)
        advice = f"--batch {fits} or less, " if fits else ""
        raise OptionError(
            f"a step of {recipe.batch:,} images of {volume(self._shape)} takes about "
            f"{amount(needed, 'B')} of memory with {self.view.network}, but "
            f"{amount(self.free, 'B')} are free; take {advice}a smaller --size or another network"
        )

    def _largest(self, images: int, share: float) -> int:
        """The largest power of two of so many images that fits into a share; 0: none does."""
        sizes = [2**power for power in range(1, min(images, _LARGEST).bit_length())]
        most = share * (self.free or 0)
        fit = bisect_right(sizes, most, key=lambda size: self.required_bytes(size) or 0)
        return sizes[fit - 1] if fit else 0

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.view.channels, self.view.size, self.view.size


def free_memory(device: torch.device, resident: int = 0, system: Path = Path("/")) -> int | None:
    """Bytes that steps may take on a device, where so many will be resident; None: unknown.

    On a CPU, what the machine can give without swapping, or what a control group still allows.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] - resident
    return min((*_of_machine(system), *_of_groups(system)), default=None)


def _of_machine(system: Path) -> Iterator[int]:
    for line in _lines(system / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield 1024 * int(line.split()[1])


def _of_groups(system: Path) -> Iterator[int]:
    """What each control group that the process is in, of version 1 or 2, leaves it."""
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
    """The limit less what is used; files that are cached make way."""
    most, now = _lines(group / limit), _lines(group / used)
    if most and now and most[0].isdigit():
        stat = dict(line.split() for line in _lines(group / "memory.stat"))
        yield int(most[0]) - int(now[0]) + int(stat.get(cached, 0))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return []
