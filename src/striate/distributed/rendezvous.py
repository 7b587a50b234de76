"""Rendezvous of the processes that torchrun starts: one store with keys of this start only.

By default (static rendezvous) torchrun keeps one TCPStore across restarts, where keys of killed
processes collide with new ones, and PyTorch 2.13 may then hang:
https://github.com/pytorch/pytorch/issues/135712. Its fix makes a new store for each attempt, with
dynamic rendezvous alone. Once `StaticTCPRendezvous.next_rendezvous` makes one too in the oldest
PyTorch that is supported, `agree_on_prefix` can be deleted, and keys need no prefix.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from datetime import timedelta

from torch.distributed import PrefixStore, Store, TCPStore  # pyright: ignore

from striate.distributed import collectives
from striate.distributed.launch import ProcessInfo
from striate.errors import GroupError


def connect(process: ProcessInfo, timeout: timedelta) -> Store:
    """Connect to torchrun's store, under a prefix of this start. Raises GroupError."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    hosts = process.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    store = TCPStore(address, port, None, hosts, timeout, wait_for_workers=False, multi_tenant=True)
    return PrefixStore(agree_on_prefix(store, process), store)


def agree_on_prefix(store: Store, process: ProcessInfo) -> str:
    """Agree on a store prefix that is unique to this start of the processes.

    Each rank writes a random token, and rank 0 publishes the prefix with all tokens until every
    rank has acknowledged its own. Raises GroupError.
    """
    own, began = secrets.token_hex(8), time.monotonic()
    store.set(f"here/{process.rank}", own)
    others = range(1, process.world_size)
    while time.monotonic() - began < 60 * collectives.MINUTES:
        if process.rank == 0:
            if store.check([f"{own}/heard/{rank}" for rank in others]):
                return own
            here = {rank: f"here/{rank}" for rank in others if store.check([f"here/{rank}"])}
            numbers = {rank: store.get(key).decode() for rank, key in here.items()}
            store.set("call", json.dumps([own, numbers]))
        elif store.check(["call"]):
            name, numbers = json.loads(store.get("call"))
            if numbers.get(str(process.rank)) == own:
                store.set(f"{name}/heard/{process.rank}", "")
                return name
        time.sleep(collectives.LOOK_SECONDS)
    raise GroupError(
        f"expected {process.world_size} processes, but some did not come within "
        f"{collectives.MINUTES} minutes; see that torchrun runs on every machine"
    )
