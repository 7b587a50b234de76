"""The machine a training runs on: device, memory allocator, and what a run records of it."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from collections.abc import Callable

import numpy as np
import PIL
import torch
from torch import Tensor, nn

import striate
from striate.distributed import launch
from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.options import Precision

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # glibc malloc.h


def choose_device(name: str) -> torch.device:
    """The device for a name; "auto" takes a GPU where there is one. Raises OptionError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise OptionError(
            f"device {name} was asked for, but torch sees {torch.cuda.device_count()} GPUs; "
            "use --device cpu"
        )
    return torch.device(name)


def usable_cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are much quicker here than float32 ones.

    On a CPU that takes matrix tiles (AMX); without them it is slower than float32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return platform.machine() == "x86_64" and torch.cpu._is_amx_tile_supported()  # noqa: SLF001  # pyright: ignore


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Products are computed as precisely as asked; weights and sums stay float32.

    torch lets the convolutions of a GPU round to TF32 unless told otherwise.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = precision != "float32"
        torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
    half = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, half, enabled=precision in ("bfloat16", "float16"))


def can_compile(device: torch.device) -> bool:
    """Whether torch can turn a network into a program: on a CPU it needs a C++ compiler."""
    return device.type == "cuda" or shutil.which("c++") is not None


def compile_network(
    network: nn.Module, device: torch.device
) -> Callable[[Tensor], Tensor | AuxOutputs]:
    """The network as a program; on a GPU its kernels are started as one graph."""
    mode = "reduce-overhead" if device.type == "cuda" else "default"
    return torch.compile(network, mode=mode)


def make_deterministic() -> None:
    """Let a GPU compute the same numbers each time; a CPU does so anyway."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def seed(device: torch.device, value: int) -> None:
    """Seed the random numbers that layers draw on a device; of a large number the rest counts.

    `torch.manual_seed` seeds every kind of device, and notes each call for those that never start:
    half a millisecond a step, and memory that is never freed.
    """
    value %= 2**63  # torch takes no more
    if device.type == "cuda":
        torch.cuda.manual_seed(value)
    else:
        torch.default_generator.manual_seed(value)


def keep_freed_memory() -> None:
    """Ask glibc to reuse freed memory rather than hand it back after every step.

    Activations are freed and allocated again each step; with the usual thresholds each round trip
    costs page faults. Elsewhere than on glibc nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(_M_TOP_PAD, 64 * 2**20)


def describe_environment(device: torch.device) -> dict[str, str | int]:
    """Versions and machine, as a run records them: what must be equal for equal numbers."""
    return {
        "striate": striate.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "platform": sys.platform,
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "processes": launch.process_info().world_size,
        "device": name(device),
    }


def name(device: torch.device) -> str:
    """What a device calls itself."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
