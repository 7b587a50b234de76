"""What processes send each other: sums of tensors, and copies of the first one's."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import torch
from torch import Tensor
from torch import distributed as dist

from striate.errors import GroupError

MINUTES = 10  #: that a process waits for the others within an exchange


@contextlib.contextmanager
def translate_errors() -> Generator[None]:
    """Raises GroupError where the others are gone or silent. PyTorch raises only RuntimeErrors."""
    try:
        yield
    except RuntimeError as error:
        raise GroupError(
            "another process of this training ended, or was silent for "
            f"{MINUTES} minutes; what it said stands above or in its own log; "
            "--resume goes on from the last checkpoint"
        ) from error


def all_reduce_(tensor: Tensor) -> Tensor:
    """Put the sum over all processes in the place of a contiguous tensor."""
    with translate_errors():
        dist.all_reduce(tensor)
    return tensor


def broadcast_(tensor: Tensor) -> Tensor:
    """Put the first process's values in the place of a contiguous tensor."""
    with translate_errors():
        dist.broadcast(tensor, 0)
    return tensor


def all_reduce_list_(tensors: list[Tensor]) -> None:
    """Put the sums over all processes in the place of tensors, by one message."""
    flat = all_reduce_(torch.cat([tensor.flatten() for tensor in tensors]))
    pieces = flat.split([tensor.numel() for tensor in tensors])
    shaped = [piece.view(each.shape) for piece, each in zip(pieces, tensors, strict=True)]
    torch._foreach_copy_(tensors, shaped)  # one kernel on a GPU  # pyright: ignore
