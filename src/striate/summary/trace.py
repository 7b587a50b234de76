"""Trace of one forward pass, operation by operation, on the device of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from striate.summary.index_ops import each
from striate.summary.meta_shapes import infer_shape, named_arguments
from striate.summary.receptive_field import ReceptiveField, full_view
from striate.summary.trace_rules import CREATING, FREE, MULTIPLYING, elementwise

IMAGE = -1  #: layer number of the image

_BLIND = ReceptiveField((), (), ())  # sentinel: depends on the image, receptive field unknown


Window = tuple[tuple[int, ...], tuple[int, ...]]  #: kernel and stride


@dataclass
class TracedLayer:
    """A row of the table: a layer, or the operations of a forward between its layers."""

    path: str
    kind: str  #: the layer's class, or the operations
    shape: tuple[int, ...]  #: of the output, with the batch
    params: int = 0
    macs: int = 0
    bytes: int = 0  #: of the output
    receptive_field: ReceptiveField | None = None  #: of the output; None: unknown
    windows: list[Window] = field(default_factory=list[Window])  #: applied windows, in order
    sources: tuple[int, ...] = ()  #: numbers of its input layers; IMAGE: the image


@dataclass
class Trace:
    """Result of tracing one forward pass."""

    layers: list[TracedLayer] = field(default_factory=list[TracedLayer])  #: in execution order
    uncounted: list[str] = field(default_factory=list[str])  #: "layer: operation" with unknown MACs
    untraced: list[str] = field(default_factory=list[str])  #: "layer: operation", field unknown
    unfinished: list[str] = field(default_factory=list[str])  #: unfinished, outermost first
    borrowed: set[str] = field(default_factory=set[str])  #: modules whose weights are shared


@dataclass
class _Frame:
    """A module whose forward is running."""

    path: str
    module: nn.Module
    params: int  # not yet assigned to a row
    macs: int = 0  # not yet in a row
    windows: list[Window] = field(default_factory=list[Window])  # not yet assigned to a row
    row: int | None = None  # row of its current operations


def trace(
    network: nn.Module, run: Callable[[Tensor], object], image: Tensor, axes: int, told: Trace
) -> None:
    """Record `run(image)` in a Trace; the last `axes` dimensions are image axes.

    Exceptions of a forward pass through; `unfinished` then names the layers it stopped in.
    """
    watch = _Tracer(told)
    handles = [
        handle
        for path, module in network.named_modules()
        for handle in (
            module.register_forward_pre_hook(watch.entering(path)),
            module.register_forward_hook(watch.left),
        )
    ]
    watch.sights[image] = full_view(image.shape, axes)
    watch.made[image] = (IMAGE,)
    try:
        with torch.no_grad(), watch:
            run(image)
    finally:
        for handle in handles:
            handle.remove()


class _Tracer(TorchDispatchMode):
    """Dispatch mode that propagates receptive fields and counts multiply-adds."""

    def __init__(self, told: Trace) -> None:
        super().__init__()
        self.told = told
        self.frames = list[_Frame]()
        self.seen = set[nn.Module]()
        self.owners = dict[int, tuple[str, nn.Module]]()  # parameter id -> (path, module)
        self.sights = WeakTensorKeyDictionary()
        self.made = WeakTensorKeyDictionary()  # tensor -> numbers of the layers that made it

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from loading its compiler for the mode, which takes seconds."""
        return False

    def entering(self, path: str) -> Any:
        def enter(module: nn.Module, _inputs: object) -> None:
            if not self.frames:
                self.own(module)
            self.frames.append(_Frame(path, module, self.told_first(module)))
            self.told.unfinished.append(path)
            if len(self.frames) > 1:
                self.frames[-2].row = None

        return enter

    def own(self, network: nn.Module) -> None:
        """Map parameters to modules, while the run's parameters are in place."""
        for path, module in network.named_modules():
            self.owners |= {id(p): (path, module) for p in module.parameters(recurse=False)}

    def told_first(self, module: nn.Module) -> int:
        """Return the number of a module's own parameters on the first call, then 0."""
        if module in self.seen:
            return 0
        self.seen.add(module)
        return sum(p.numel() for p in module.parameters(recurse=False))

    def left(self, module: nn.Module, _inputs: object, output: object) -> None:
        frame = self.frames.pop()
        self.told.unfinished.pop()
        leaf = not any(True for _ in module.children())
        if (leaf or frame.params or frame.macs) and (tensors := list(_tensors(output))):
            work = TracedLayer(
                frame.path, type(module).__name__, tuple(tensors[0].shape), frame.params
            )
            work.macs, work.bytes = frame.macs, sum(map(_bytes, tensors))
            work.windows = frame.windows
            work.receptive_field, work.sources = self.lookup(tensors[0]), self.makers(tensors)
            for tensor in tensors:
                self.made[tensor] = (len(self.told.layers),)
            self.told.layers.append(work)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        values = named_arguments(func, args, kwargs or {})
        output = infer_shape(func, values)
        if output is None:
            output = func(*args, **(kwargs or {}))
        if self.frames and (outputs := list(_tensors(output))):
            self.note(func, values, outputs)
        return output

    def note(self, func: Any, values: Mapping[str, Any], outputs: list[Tensor]) -> None:
        frame, name = self.frames[-1], func.overloadpacket.__name__.removesuffix("_")
        where = f"{frame.path or type(frame.module).__name__}: {name}"
        pointwise = torch.Tag.pointwise in func.tags
        macs = _macs(name, values, outputs[0])
        rule = MULTIPLYING.get(name) or FREE.get(name) or (elementwise if pointwise else None)
        tensors = [x for value in values.values() for x in _tensors(value)]
        inputs, makers = [self.sights.get(x) for x in tensors], self.makers(tensors)
        for path, owner in (self.owners[id(x)] for x in tensors if id(x) in self.owners):
            if owner not in self.seen:
                self.told.borrowed.add(path)
                frame.params += self.told_first(owner)
        for output in outputs:
            self.made[output] = makers
        if any(inputs) and name not in CREATING:
            if macs is None and rule is None:
                self.told.uncounted.append(where)
            blind = rule is None or _BLIND in inputs
            for output in outputs:
                sight = None if blind or rule is None else rule(values, output, self.sights.get)
                self.sights[output] = sight or _BLIND
            if _BLIND not in inputs and self.sights[outputs[0]] is _BLIND:
                self.told.untraced.append(where)
        frame.macs += macs or 0
        if window := _window(values):
            frame.windows.append(window)
        if any(True for _ in frame.module.children()) and not func.is_view and any(inputs):
            self.line(frame, name, outputs)

    def line(self, frame: _Frame, name: str, outputs: list[Tensor]) -> None:
        """Add a row for a forward's own operations; consecutive equal output shapes share it."""
        works, output = self.told.layers, outputs[0]
        shape, makers = tuple(output.shape), self.made[output]
        if frame.row is None or works[frame.row].shape != shape:
            frame.row = len(works)
            works.append(TracedLayer(frame.path, "", shape))
        work, shown = works[frame.row], name.removesuffix("_with_indices").lstrip("_")
        work.kind = f"{work.kind}, {shown}".removeprefix(", ")
        work.params, frame.params = work.params + frame.params, 0
        work.macs, frame.macs = work.macs + frame.macs, 0
        work.windows, frame.windows = work.windows + frame.windows, []
        work.bytes, work.receptive_field = _bytes(output), self.lookup(output)
        work.sources = tuple(sorted({*work.sources, *makers} - {frame.row}))
        for tensor in outputs:
            self.made[tensor] = (frame.row,)

    def makers(self, tensors: list[Tensor]) -> tuple[int, ...]:
        """Return the numbers of the layers that made these tensors or their bases."""
        return tuple(sorted({number for x in tensors for number in self.made.get(x) or ()}))

    def lookup(self, tensor: Tensor) -> ReceptiveField | None:
        sight = self.sights.get(tensor)
        return None if sight is _BLIND else sight


def _macs(name: str, values: Mapping[str, Any], output: Tensor) -> int | None:
    """Return an operation's multiply-adds; None if it is not a matrix product."""
    if name == "convolution":
        weight: Tensor = values["weight"]
        where = values["input"] if values["transposed"] else output
        return where.numel() * weight[0].numel()
    if name in MULTIPLYING:
        left = next(values[key] for key in ("mat1", "batch1", "self") if key in values)
        return output.numel() * left.shape[-1]
    if name.startswith("_scaled_dot_product"):
        query, key, value = (values[word] for word in ("query", "key", "value"))
        pairs = math.prod(query.shape[:-1]) * key.shape[-2]
        return pairs * (query.shape[-1] + value.shape[-1])
    return None


def _window(values: Mapping[str, Any]) -> Window | None:
    """Return kernel and stride of a convolution or pooling; None without a kernel."""
    kernel = values["weight"].shape[2:] if "transposed" in values else values.get("kernel_size")
    if not kernel:
        return None
    dims = values["weight"].ndim - 2 if "transposed" in values else values["self"].ndim - 2
    return tuple(each(kernel, dims)), tuple(each(values["stride"] or kernel, dims))


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
