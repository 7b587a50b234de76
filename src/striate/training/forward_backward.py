"""Forward and backward pass of a batch, and torch errors translated to OptionError."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from striate import hardware
from striate.data.loader import Batch
from striate.errors import OptionError
from striate.tasks.task import Loss, Sums, Task, Update
from striate.training.execution import ExecutionConfig


@contextlib.contextmanager
def translate_torch_errors(batch: Batch) -> Generator[None]:
    """Raise OptionError for out-of-memory errors and for non-deterministic kernels."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        said = str(error)
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in said:
            count, shape = len(batch), "x".join(map(str, batch.images.shape[1:]))
            raise OptionError(
                f"a step of {count:,} images of {shape} needs more memory than "
                f"{batch.device} has free; take a smaller --batch or --size, or end other "
                "programs"
            ) from error
        if "deterministic implementation" in said:
            kernel = said.partition(" ")[0]
            raise OptionError(
                f"{batch.device} computes {kernel} in no fixed order, so that its numbers "
                "differ from run to run; leave out --deterministic or choose another network"
            ) from error
        raise


class ForwardBackward:
    """Forward and backward passes of an update with the given execution settings."""

    def __init__(self, update: Update, execution: ExecutionConfig) -> None:
        network, self.execution = update.network, execution
        self._params = [param for param in network.parameters() if param.requires_grad]
        device = self._params[0].device
        self._network = hardware.compile_network(network, device) if execution.compiled else network
        self._loss, self._count = update.loss, update.count
        self._threads = (
            ThreadPoolExecutor(execution.micro_batches - 1) if execution.micro_batches > 1 else None
        )

    def run(self, batch: Batch, factor: Tensor | float = 1.0) -> tuple[Tensor, Sums]:
        """Return mean loss and the sums of the task; accumulate gradients of `factor` x loss."""
        images = batch.images
        if images.ndim == 4:  # features may be vectors
            images = images.contiguous(memory_format=self.execution.memory_format)
        if self._threads is None or not len(images):
            loss, sums = self._forward(images, batch.targets)
            (loss * factor).backward()
            return loss, sums
        count = min(self.execution.micro_batches, len(images))
        chunks = zip(images.chunk(count), batch.targets.chunk(count), strict=True)
        (first, *others) = [(*chunk, len(chunk[0]) / len(images)) for chunk in chunks]
        futures = [self._threads.submit(self._micro_batch, *each, factor) for each in others]
        losses, sums, gradients = zip(
            self._micro_batch(*first, factor), *(future.result() for future in futures), strict=True
        )
        for param, *found in zip(self._params, *gradients, strict=True):
            for gradient in found:  # fixed order, whichever finished first
                param.grad = gradient if param.grad is None else param.grad + gradient
        return torch.stack(losses).sum(), add_sums(sums)

    def _micro_batch(
        self, images: Tensor, targets: Tensor, share: float, factor: Tensor | float
    ) -> tuple[Tensor, Sums, tuple[Tensor, ...]]:
        loss, sums = self._forward(images, targets)
        loss = loss * share
        return loss, sums, torch.autograd.grad(loss * factor, self._params)

    def _forward(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Sums]:
        with hardware.autocast(self.execution.precision, images.device):
            outputs = self._network(images)
            loss = self._loss(outputs, targets)
        with torch.no_grad():
            return loss, self._count(outputs, targets)


def make_updates(
    task: Task, network: nn.Module, loss: Loss, execution: ExecutionConfig
) -> tuple[ForwardBackward, ...]:
    """Return the passes of each update of a step, in the order of the task."""
    return tuple(ForwardBackward(each, execution) for each in task.updates(network, loss))


def add_sums(batches: Sequence[Sums]) -> Sums:
    """Add the sums of several batches, name by name."""
    first, *others = batches
    if not others:
        return first
    return {name: torch.stack([sums[name] for sums in batches]).sum(dim=0) for name in first}
