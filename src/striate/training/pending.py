"""Losses and sums of steps that are still on the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from striate.errors import DivergedError
from striate.tasks.task import Sums
from striate.training.checkpoint import TrainState
from striate.training.forward_backward import add_sums


class LossError(DivergedError):
    """The loss of a step is not finite, or above `Task.max_loss`."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__(f"the loss is {value:.3g}")
        self.step = step  #: of the epoch, from 1


class PendingMetrics:
    """Losses and sums still on the device.

    Reading them forces a GPU sync, so they are flushed in groups.
    """

    def __init__(self, max_loss: float) -> None:
        self._steps: list[tuple[Tensor, Sums, int]] = []
        self._last, self._max_loss = 0, max_loss

    def add(self, step: int, loss: Tensor, sums: Sums, images: int) -> None:
        self._last = step  # of the epoch, from 1
        self._steps.append((loss.detach(), sums, images))

    def flush(self, state: TrainState) -> None:
        """Add all of them to the sums of the current epoch. Raises LossError."""
        if not self._steps:
            return
        losses, sums, counts = zip(*self._steps, strict=True)
        values = torch.stack(losses).tolist()
        for step, value in enumerate(values, self._last - len(values) + 1):
            if not math.isfinite(value) or value > self._max_loss:
                raise LossError(step, value)
        for value, count in zip(values, counts, strict=True):
            state.loss_sum += value * count
        state.add({name: each.tolist() for name, each in add_sums(sums).items()})
        state.seen += sum(counts)
        self._steps.clear()

    def clear(self) -> None:
        """Discard all of them."""
        self._steps.clear()
