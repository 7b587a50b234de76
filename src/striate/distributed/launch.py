"""What this process was given: rank and world size by torchrun, cores by the system. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_NEEDED = frozenset({"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"})


@dataclass(frozen=True)
class ProcessInfo:
    """Rank, world size and machine of this process, as set by torchrun."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0  #: on this machine
    local_world_size: int = 1  #: on this machine
    machine: int = 0
    job: str = ""  #: torchrun job id, stable across restarts; "" without torchrun

    @property
    def command(self) -> tuple[str, ...]:
        """Start of an equivalent command line, without the rendezvous of several machines."""
        if self.world_size == 1:
            return ("striate",)
        machines = self.world_size // self.local_world_size
        several = ("--nnodes", str(machines)) if machines > 1 else ()
        processes = ("--nproc-per-node", str(self.local_world_size))
        return ("torchrun", *several, *processes, "-m", "striate")


def usable_cores() -> int:
    """Return the number of CPU cores available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def process_info() -> ProcessInfo:
    """Return this process's info; rank 0 of 1 without torchrun."""
    found = os.environ
    if not found.keys() >= _NEEDED:
        return ProcessInfo()
    rank, local_world_size = int(found["RANK"]), int(found.get("LOCAL_WORLD_SIZE", "1"))
    machine = int(found.get("GROUP_RANK", rank // local_world_size))
    world_size, local_rank = int(found["WORLD_SIZE"]), int(found["LOCAL_RANK"])
    return ProcessInfo(rank, world_size, local_rank, local_world_size, machine, _job())


def _job() -> str:
    """Return the job id given by --rdzv-id or --standalone, else the name of torchrun's folder."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    if name != "none":
        return name
    # .../none_<random>/attempt_0/<rank>/error.json
    parents = Path(os.environ.get("TORCHELASTIC_ERROR_FILE", "")).parents
    return parents[2].name if len(parents) > 2 else ""
