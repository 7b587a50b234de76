"""The form of a step: what may be chosen freely without changing what is learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase as Norm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.dropout import _DropoutNd as Dropout  # pyright: ignore[reportPrivateUsage]

from striate import hardware
from striate.errors import OptionError
from striate.options import MemoryFormat, Precision, TrainOptions
from striate.text import count_noun

# multiply-adds of a step: from here on arithmetic, not overhead, takes the time
_LARGE = 2 * 10**8


@dataclass(frozen=True)
class ExecutionConfig:
    """How a step is computed."""

    memory_layout: MemoryFormat  #: never "auto"
    precision: Precision  #: never "auto"
    compiled: bool
    micro_batches: int  #: parts of a batch that are computed side by side

    @property
    def memory_format(self) -> torch.memory_format:
        last = self.memory_layout == "channels-last"
        return torch.channels_last if last else torch.contiguous_format

    def __str__(self) -> str:
        told = f"{self.memory_layout.replace('-', ' ')}, {self.precision}"
        told += ", compiled" if self.compiled else ""
        return told + (
            f", {count_noun(self.micro_batches, 'part')} side by side"
            if self.micro_batches > 1
            else ""
        )


def default_execution(
    options: TrainOptions, network: nn.Module, work: int, device: torch.device, *, ours: bool = True
) -> ExecutionConfig:
    """What was asked for; for the rest what is quick nearly everywhere.

    `work` is the multiply-adds of a step. A network that is not ours may compute in the plainest
    form alone: another is for a trial to find. Raises OptionError for parts of a batch that the
    network needs whole, for a precision that the device does not have, and without a compiler.
    """
    if options.micro_batches and options.micro_batches > 1 and not _can_split_batches(network):
        raise OptionError(
            f"split {options.micro_batches} came, but batch norms need a whole batch and dropout draws for "
            "one; leave it out for this network"
        )
    if options.precision == "tf32" and device.type == "cpu":
        raise OptionError("precision tf32 is for GPUs; take float32 or bfloat16 on a CPU")
    if options.compile == "yes" and not hardware.can_compile(device):
        raise OptionError("compile needs a C++ compiler, but no c++ was found; leave it out")
    precision, layout = options.precision, options.memory_format
    if precision == "auto":
        quick = ours and work > _LARGE and hardware.has_fast_bfloat16(device)
        precision = "bfloat16" if quick else "float32"
    if layout == "auto":
        layout = "channels-last" if ours else "channels-first"
    return ExecutionConfig(layout, precision, options.compile == "yes", options.micro_batches or 1)


def alternatives(
    form: ExecutionConfig,
    options: TrainOptions,
    network: nn.Module,
    threads: int,
    device: torch.device,
    *,
    ours: bool = True,
) -> dict[str, list[Any]]:
    """Field of a form -> what it may be instead, where nothing was asked for.

    Whether a batch may be split shows in the layers of our networks, not in a strange forward.
    """
    layouts = ["channels-last", "channels-first"] if options.memory_format == "auto" else []
    precisions = ["float32"] if options.precision == "auto" else []
    if precisions and device.type == "cuda":
        precisions += ["tf32", "bfloat16" if hardware.has_fast_bfloat16(device) else "float16"]
    elif precisions and hardware.has_fast_bfloat16(device):
        precisions += ["bfloat16"]
    idle = device.type == "cpu" and threads == 1 < hardware.usable_cores()
    splits = (
        [hardware.usable_cores()]
        if idle and ours and not options.micro_batches and _can_split_batches(network)
        else []
    )
    compilable = options.compile == "auto" and hardware.can_compile(device)
    found = {"layout": layouts, "precision": precisions, "split": splits}
    found["compiled"] = [True] if compilable else []
    return {name: [v for v in values if v != getattr(form, name)] for name, values in found.items()}


def _can_split_batches(network: nn.Module) -> bool:
    """Whether the gradients of a batch are the sums of those of its parts."""
    return not any(isinstance(module, Norm | Dropout) for module in network.modules())
