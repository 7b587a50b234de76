"""The distributed process group: collectives, stop requests and failures.

Tensors go through PyTorch's process group (NCCL for GPU tensors, gloo for the rest), objects and
barrier keys through torchrun's TCPStore.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed import Store  # pyright: ignore

from striate.distributed import collectives, launch
from striate.distributed.launch import ProcessInfo
from striate.distributed.rendezvous import connect
from striate.distributed.signals import Request
from striate.errors import OptionError, PeerFailedError


@dataclass(frozen=True)
class Group:
    """Handle to the distributed process group; every method is a no-op when world_size is 1."""

    process: ProcessInfo = field(default_factory=ProcessInfo)
    store: Store | None = None
    _messages: count[int] = field(default_factory=count)

    @property
    def is_single(self) -> bool:
        return self.store is None

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, which writes the run folder and logs."""
        return self.process.rank == 0

    def device_name(self, name: str) -> str:
        """Return the device of this rank, `cuda:LOCAL_RANK` on GPUs. Raises OptionError."""
        if self.is_single or name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
            return name
        if name.startswith("cuda:") and self.process.local_world_size > 1:
            raise OptionError(
                f"device {name} names one GPU for {self.process.local_world_size} processes; "
                "--device cuda takes one for each"
            )
        return name if name.startswith("cuda:") else f"cuda:{self.process.local_rank}"

    def broadcast_object(self, values: Any = None) -> Any:
        """Broadcast a JSON-serializable object from rank 0; other ranks wait for it."""
        if self.store is None:
            return values
        key = f"words/{next(self._messages)}"
        if self.is_main:
            with collectives.translate_errors():
                self.store.set(key, json.dumps(values))
            return values
        self.wait_for_key(key)
        with collectives.translate_errors():
            return json.loads(self.store.get(key))

    def wait_for_key(self, what: str) -> None:
        """Wait for a barrier key without a timeout. Raises PeerFailedError if a rank has ended."""
        assert self.store is not None
        with collectives.translate_errors():
            while not self.store.check([what]):
                if self.store.check(["ended"]):
                    raise PeerFailedError
                time.sleep(collectives.LOOK_SECONDS)

    def set_key(self, what: str) -> None:
        """Signal a barrier key."""
        assert self.store is not None
        with collectives.translate_errors():
            self.store.set(what, "")

    @contextlib.contextmanager
    def local_main_first(self, block: str) -> Generator[None]:
        """Run a block, of its own name, on local rank 0 of each machine before the other ranks."""
        if self.store is not None and self.process.local_rank:
            self.wait_for_key(f"{block}/{self.process.machine}")
        yield
        if self.store is not None and not self.process.local_rank:
            self.set_key(f"{block}/{self.process.machine}")

    def sync_flags(
        self, request: Request, seconds: float, *, due: bool = False
    ) -> tuple[float, bool]:
        """Share stop requests of any rank, and the clock and checkpoint flag (`due`) of rank 0."""
        if self.is_single:
            request.signal = request.received
            return seconds, due
        own = torch.tensor((seconds, due, 0.0) if self.is_main else (0.0,) * 3, dtype=torch.float64)
        own[2] = request.received > 0
        agreed, saves, asked = collectives.all_reduce_(own).tolist()
        if asked:
            request.signal = request.received or signal.SIGTERM
        return agreed, saves > 0

    def all_reduce_sum(self, *values: Tensor) -> tuple[Tensor, ...]:
        """All-reduce (sum) tensors on one device, in float64; only integers keep their dtype."""
        if self.is_single:
            return values
        flat = torch.cat([value.double().flatten() for value in values])
        summed = collectives.all_reduce_(flat).split([value.numel() for value in values])
        return tuple(
            total.reshape(value.shape).to(total.dtype if value.is_floating_point() else value.dtype)
            for value, total in zip(values, summed, strict=True)
        )

    @contextlib.contextmanager
    def all_reduce_gradients(self, params: list[Tensor]) -> Generator[None]:
        """All-reduce the gradients of the block and add them to those accumulated before.

        Earlier gradients are already reduced, so a checkpoint between two accumulation steps holds
        the global sum.
        """
        if self.is_single:
            yield
            return
        waiting = [param.grad for param in params]
        for param in params:
            param.grad = None
        yield
        collectives.all_reduce_list_([param.grad for param in params if param.grad is not None])
        for param, before in zip(params, waiting, strict=True):
            if before is not None and param.grad is not None:
                param.grad += before

    def broadcast_buffers(self, network: nn.Module) -> None:
        """Broadcast buffers, such as BatchNorm statistics, from rank 0."""
        for buffer in network.buffers() if not self.is_single else ():
            collectives.broadcast_(buffer)


@contextlib.contextmanager
def join_group() -> Generator[Group]:
    """Join torchrun's process group for the block; a single process without torchrun.

    The first rank to fail raises its own error, the others raise PeerFailedError.
    """
    process = launch.process_info()
    if process.world_size == 1:
        yield Group(process)
        return
    timeout = timedelta(minutes=collectives.MINUTES)
    with collectives.translate_errors():
        store = connect(process, timeout)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        with collectives.translate_errors():  # rank 0 may have ended already
            dist.init_process_group(
                backend,
                store=store,
                rank=process.rank,
                world_size=process.world_size,
                timeout=timeout,
            )
        yield Group(process, store)
    except Exception as error:
        if not _is_first_failure(store):
            raise PeerFailedError from error
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _is_first_failure(store: Store) -> bool:
    """Return whether this rank failed first; False if the store is gone."""
    try:
        return store.add("ended", 1) == 1
    except RuntimeError:
        return False
