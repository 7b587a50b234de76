"""Summary of a network, from one forward pass on the meta device."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call  # pyright: ignore[reportPrivateImportUsage]
from torch.nn.parameter import is_lazy

from striate.arithmetic.receptive_field import Axis
from striate.errors import OptionError
from striate.summary.layer import Along, Layer
from striate.summary.table import Summary
from striate.summary.trace import Trace, TracedLayer, trace
from striate.text import format_shape

_LARGEST = 1024  #: largest side tried when an image is too small


def summarize(network: object, input: Sequence[int], name: str = "") -> Summary:  # noqa: A002
    """Summarize a network in evaluation mode for one image of (C, H, W), or (C, L).

    The name defaults to the class name.

    Shapes alone are followed, on the meta device; weights stay where they are. Raises OptionError
    naming the layer at which an image is too small or of the wrong shape, and the next size that
    works; or at which a network cannot be followed; and for what shows no layers.
    """
    network = opened(network)
    name = name or type(network).__name__
    shape, told = tuple(input), Trace()
    training = network.training
    try:
        _run(network.eval(), shape, told)
    except Exception as error:
        raise _stopped(network, name, shape, told, error, _smallest(network, shape)) from error
    finally:
        network.train(training)
    ran = {work.path for work in told.layers} | told.borrowed
    return Summary(
        network=name,
        input=shape,
        layers=tuple(map(_layer, told.layers)),
        params=sum(p.numel() for p in network.parameters()),
        trainable=sum(p.numel() for p in network.parameters() if p.requires_grad),
        macs=sum(work.macs for work in told.layers),
        bytes=sum(t.numel() * t.element_size() for t in _tensors(network).values()),
        uncounted=_once(told.uncounted),
        untraced=_once(told.untraced),
        unused=_unused(network, ran),
    )


def opened(network: object) -> nn.Module:
    """Unwrap torch.compile and parallel wrappers. Raises OptionError if layers are hidden.

    That is, in exported or scripted programs, or with uninitialized lazy weights.
    """
    while isinstance(network, nn.Module) and (inside := _wrapped(network)):
        network = inside
    if not isinstance(network, nn.Module):
        hint = "; give the module it was made from" * (type(network).__name__ == "ExportedProgram")
        raise OptionError(f"expected a module of torch, but {type(network).__name__} came{hint}")
    for path, module in network.named_modules():
        where = f"{type(network).__name__}{f', layer {path}' * bool(path)}"
        if isinstance(module, torch.jit.ScriptModule) or hasattr(module, "validate_inputs"):
            raise OptionError(
                f"{where}: a program that torch made of a module shows no layers; give the module"
            )
        if any(is_lazy(tensor) for tensor in module.parameters(recurse=False)):
            raise OptionError(
                f"{where}: its weights have no shapes before its first image; run it on one"
            )
    return network


def _wrapped(network: nn.Module) -> nn.Module | None:
    if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return network.module
    return getattr(network, "_orig_mod", None)  # of torch.compile


def _run(network: nn.Module, shape: tuple[int, ...], told: Trace) -> None:
    def run(image: Tensor) -> None:
        skeleton = {key: tensor.to("meta") for key, tensor in _tensors(network).items()}
        functional_call(network, skeleton, image)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, about the cost of a layer
        image = torch.empty((1, *shape), dtype=_kind(network), device="meta")
        with _uncompiled(network):
            trace(network, run, image, len(shape) - 1, told)


def _kind(network: nn.Module) -> torch.dtype:
    """Return the dtype of the first floating-point parameter; float32 without one."""
    kinds = (parameter.dtype for parameter in network.parameters())
    return next((kind for kind in kinds if kind.is_floating_point), torch.float32)


def _uncompiled(network: nn.Module) -> contextlib.AbstractContextManager[Any]:
    """Run compiled submodules eagerly."""
    compiled = (
        _wrapped(module) or getattr(module, "_compiled_call_impl", None)
        for module in network.modules()
    )
    if any(part is not None for part in compiled):
        return torch.compiler.set_stance("force_eager")
    return contextlib.nullcontext()


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.named_parameters()) | dict(network.named_buffers())


def _layer(work: TracedLayer) -> Layer:
    axes = work.receptive_field.axes if work.receptive_field else None
    kernel, stride = work.windows[0] if len(work.windows) == 1 else (None, None)
    return Layer(
        work.path or "forward",
        work.kind,
        work.shape[1:],
        work.params,
        work.macs,
        work.bytes,
        _along(axes, lambda axis: axis.size),
        _along(axes, lambda axis: axis.jump),
        _along(axes, lambda axis: axis.start),
        kernel,
        stride,
        work.sources,
    )


def _along(axes: Sequence[Axis] | None, of: Callable[[Axis], Fraction]) -> Along | None:
    if axes is None:
        return None
    numbers = [of(axis) for axis in axes]
    return tuple(int(number) if number.denominator == 1 else float(number) for number in numbers)


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _unused(network: nn.Module, ran: set[str]) -> tuple[str, ...]:
    """Return the outermost modules with parameters that did not run."""
    found: list[str] = []
    for path, module in network.named_modules():
        inside = any(path.startswith(f"{outer}.") for outer in found)
        if inside or any(True for _ in module.parameters()) is False:
            continue
        if not any(other == path or other.startswith(f"{path}.") or not path for other in ran):
            found.append(path)
    return tuple(found)


def _smallest(network: nn.Module, shape: tuple[int, ...]) -> int | None:
    """Return the smallest larger square image side that works; None if none does."""

    def fits(side: int) -> bool:
        try:
            _run(network, (shape[0], *[side] * (len(shape) - 1)), Trace())
        except Exception:  # noqa: BLE001 - whatever the forward raises
            return False
        return True

    low = max(1, min(shape[1:], default=1))
    high = next((low << by for by in range(1, 12) if low << by <= _LARGEST and fits(low << by)), 0)
    if not high:
        return next((side for side in range(low + 1, low + 33) if fits(side)), None)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _fractional(layer: nn.Module) -> str:
    """Explain a non-integer window argument; torch's error would list all its signatures."""
    for word in ("kernel_size", "stride", "padding", "dilation"):
        numbers = getattr(layer, word, ())
        for number in numbers if isinstance(numbers, tuple) else (numbers,):
            if isinstance(number, float):
                return f"{word} must be whole numbers, but {number:g} came"
    return ""


def _stopped(
    network: nn.Module,
    name: str,
    shape: tuple[int, ...],
    told: Trace,
    error: Exception,
    smallest: int | None,
) -> OptionError:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    if "meta tensors" in reason:
        reason = "its forward asks for values, as `if x.sum() > 0` does, but only shapes are known"
    elif "fake impl" in reason or "Meta" in reason:
        reason = "it has an operation of which only values tell the shape, as quantized layers have"
    elif not isinstance(error, OptionError | RuntimeError):
        reason = f"{type(error).__name__}: {reason}"
    path = told.unfinished[-1] if told.unfinished else ""
    reason = _fractional(network.get_submodule(path)) or reason
    where = f"; at layer {path}" if path else ""
    hint = ""
    if smallest:  # the image's size, instead of the layer's
        reason, hint = reason.split("; use at ")[0], f"; use at least {smallest} pixels a side"
    return OptionError(
        f"{name} cannot take an image of {format_shape(shape)}{where}: {reason}{hint}"
    )
