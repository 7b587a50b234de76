"""The place of this process among those that torchrun started; read without PyTorch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_NEEDED = frozenset({"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"})


@dataclass(frozen=True)
class ProcessInfo:
    """Which of the processes of a training this is, as torchrun numbers them."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0  #: on this machine
    local_world_size: int = 1  #: on this machine
    machine: int = 0
    job: str = ""  #: names what torchrun was asked for, through all its restarts; "" without it

    @property
    def command(self) -> tuple[str, ...]:
        """How a command line of this shape begins; several machines need a rendezvous too."""
        if self.world_size == 1:
            return ("striate",)
        machines = self.world_size // self.local_world_size
        several = ("--nnodes", str(machines)) if machines > 1 else ()
        processes = ("--nproc-per-node", str(self.local_world_size))
        return ("torchrun", *several, *processes, "-m", "striate")


def process_info() -> ProcessInfo:
    """Where this process stands; alone, where torchrun did not start it."""
    found = os.environ
    if not found.keys() >= _NEEDED:
        return ProcessInfo()
    rank, local_processes = int(found["RANK"]), int(found.get("LOCAL_WORLD_SIZE", "1"))
    machine = int(found.get("GROUP_RANK", rank // local_processes))
    processes, local_rank = int(found["WORLD_SIZE"]), int(found["LOCAL_RANK"])
    return ProcessInfo(rank, processes, local_rank, local_processes, machine, _job())


def _job() -> str:
    """The name given by --rdzv-id or --standalone, else that of torchrun's own folder."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    if name != "none":
        return name
    # .../none_<random>/attempt_0/<rank>/error.json
    parents = Path(os.environ.get("TORCHELASTIC_ERROR_FILE", "")).parents
    return parents[2].name if len(parents) > 2 else ""
