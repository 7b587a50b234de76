"""Collectives: all-reduce sums and broadcasts from rank 0, with errors translated."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import torch
from torch import Tensor
from torch import distributed as dist

from striate.errors import GroupError

MINUTES = 10  #: timeout of a collective and of the rendezvous
LOOK_SECONDS = 0.02  #: polling interval of the store


@contextlib.contextmanager
def translate_errors() -> Generator[None]:
    """Raise GroupError if a peer has ended or timed out, where PyTorch raises RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise GroupError(
            "another process of this training ended, or was silent for "
            f"{MINUTES} minutes; its message is above or in its own log; "
            "--resume goes on from the last checkpoint"
        ) from error


def all_reduce_(tensor: Tensor) -> Tensor:
    """All-reduce (sum) a contiguous tensor in place."""
    with translate_errors():
        dist.all_reduce(tensor)
    return tensor


def broadcast_(tensor: Tensor) -> Tensor:
    """Broadcast a contiguous tensor from rank 0, in place."""
    with translate_errors():
        dist.broadcast(tensor, 0)
    return tensor


def all_reduce_list_(tensors: list[Tensor]) -> None:
    """All-reduce (sum) several tensors in place, flattened into one message."""
    flat = all_reduce_(torch.cat([tensor.flatten() for tensor in tensors]))
    pieces = flat.split([tensor.numel() for tensor in tensors])
    shaped = [piece.view(each.shape) for piece, each in zip(pieces, tensors, strict=True)]
    torch._foreach_copy_(tensors, shaped)  # one kernel on a GPU  # pyright: ignore
