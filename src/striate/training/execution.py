"""Execution settings of a step: memory format, precision, compilation, micro-batches.

They do not change the loss or the update rule; precision changes rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase as Norm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.dropout import _DropoutNd as Dropout  # pyright: ignore[reportPrivateUsage]

from striate import hardware
from striate.distributed import launch
from striate.errors import OptionError
from striate.options import MemoryFormat, Precision, StepOptions
from striate.text import count_noun

# multiply-adds per step above which arithmetic, not overhead, dominates
_LARGE = 2 * 10**8


@dataclass(frozen=True)
class ExecutionConfig:
    """Execution settings of a step."""

    memory_layout: MemoryFormat  #: never "auto"
    precision: Precision  #: never "auto"
    compiled: bool
    micro_batches: int  #: run in parallel threads

    def to_options(self) -> dict[str, Any]:
        """Return the options of `train` that ask for these settings."""
        return {
            "precision": self.precision,
            "memory_format": self.memory_layout,
            "compile": "yes" if self.compiled else "no",
            "micro_batches": self.micro_batches,
        }

    @property
    def memory_format(self) -> torch.memory_format:
        last = self.memory_layout == "channels-last"
        return torch.channels_last if last else torch.contiguous_format

    def __str__(self) -> str:
        told = f"{self.memory_layout}, {self.precision}"
        told += ", compiled" if self.compiled else ""
        return told + (
            f", {count_noun(self.micro_batches, 'micro-batch')} in parallel"
            if self.micro_batches > 1
            else ""
        )


def default_execution(
    options: StepOptions, network: nn.Module, work: int, device: torch.device, *, ours: bool = True
) -> ExecutionConfig:
    """Return the settings given in the options, with fast defaults for the rest.

    `work` is the multiply-adds of a step. A custom network (not `ours`) defaults to float32 and
    channels-first; autotuning may find faster settings. Raises OptionError for micro-batches with
    batch norm or dropout, for a precision the device lacks, and for compile without a compiler.
    """
    if options.micro_batches and options.micro_batches > 1 and not _can_split_batches(network):
        raise OptionError(
            f"--micro-batches {options.micro_batches} came, but batch norms need a whole batch and "
            "dropout draws for one; leave it out for this network"
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
        layout = "channels-last" if ours and not _is_1d(network) else "channels-first"
    return ExecutionConfig(layout, precision, options.compile == "yes", options.micro_batches or 1)


def alternatives(
    usual: ExecutionConfig,
    options: StepOptions,
    network: nn.Module,
    threads: int,
    device: torch.device,
    *,
    ours: bool = True,
) -> dict[str, list[Any]]:
    """Return field -> candidate values, for the settings that the options leave open.

    Micro-batches are tried only for built-in networks (`ours`), whose layers show whether a batch
    can be split.
    """
    free = options.memory_format == "auto" and not _is_1d(network)
    layouts = ["channels-last", "channels-first"] if free else []
    precisions = ["float32"] if options.precision == "auto" else []
    if precisions and device.type == "cuda":
        precisions += ["tf32", "bfloat16" if hardware.has_fast_bfloat16(device) else "float16"]
    elif precisions and hardware.has_fast_bfloat16(device):
        precisions += ["bfloat16"]
    idle = device.type == "cpu" and threads == 1 < launch.usable_cores()
    counts = (
        [launch.usable_cores()]
        if idle and ours and not options.micro_batches and _can_split_batches(network)
        else []
    )
    compilable = options.compile == "auto" and hardware.can_compile(device)
    found = {"memory_layout": layouts, "precision": precisions, "micro_batches": counts}
    found["compiled"] = [True] if compilable else []
    return {
        name: [v for v in values if v != getattr(usual, name)] for name, values in found.items()
    }


def _is_1d(network: nn.Module) -> bool:
    """Return whether a network has windows of one dimension, whose tensors have one format."""
    return any(parameter.ndim == 3 for parameter in network.parameters())


def _can_split_batches(network: nn.Module) -> bool:
    """Return whether the gradient of a batch is the sum over its micro-batches."""
    return not any(isinstance(module, Norm | Dropout) for module in network.modules())
