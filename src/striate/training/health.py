"""Whether a training is well: gradients and units that do not teach, by layer and likely cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils import _pytree as tree

from striate import hardware
from striate.layers import ScaledTanh
from striate.options import Precision
from striate.text import format_percent
from striate.training.checkpoint import TrainState

EXPLODED = 1e3  #: a layer's gradient is so many times as long as its weights
VANISHED = 1e-6  #: it is this share of that of another layer, each measured by its weights
DEAD = 0.1  #: share of a layer's channels from which on dead ones are worth a word
SATURATED = 0.9  #: share of a layer's outputs that lie at the ends of its range
CHECKED_IMAGES = 64  #: images that units are judged by
_PAUSE = 64  #: updates from one look at gradients to the next, after the first ones
_ENOUGH = 1000  #: outputs of a channel, by which it is judged alone
_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardswish)
_RANGES = {nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0)}


@dataclass(frozen=True)
class GradientSample:
    """The gradients of an update, measured where they lie and read later."""

    place: str
    layers: tuple[str, ...]
    gradients: Tensor  #: (layers,) norms
    weights: Tensor  #: (layers,) norms


class GradientMonitor:
    """What was seen of a training and not yet told. Nothing that a step computes is changed."""

    def __init__(self) -> None:
        self._looks: list[GradientSample] = []

    @torch.no_grad()
    def record(self, network: nn.Module, state: TrainState, updates: int) -> None:
        """Measure the gradients of an update, if its turn has come; `updates` went before it."""
        number = updates + 1
        if number % _PAUSE and (number > _PAUSE or number.bit_count() > 1):
            return
        found = {
            name.removesuffix(".weight"): (param.grad, param)
            for name, param in network.named_parameters()
            if param.grad is not None and param.ndim > 1
        }
        if found:
            gradients, weights = zip(*found.values(), strict=True)
            place = f"epoch {state.epoch + 1}, step {state.step}"
            norms = (torch.stack([one.norm() for one in many]) for many in (gradients, weights))
            self._looks.append(GradientSample(place, tuple(found), *norms))

    def warnings(self, state: TrainState) -> Iterator[str]:
        """What is wrong with the gradients, once a kind; reads what was measured."""
        looks, self._looks = self._looks, []
        for look in looks:
            for kind, text in _gradients(look):
                yield from _once(state, kind, text)


def _once(state: TrainState, kind: str, text: str) -> Iterator[str]:
    if kind not in state.warned:
        state.warned.append(kind)
        yield text


def _gradients(look: GradientSample) -> Iterator[tuple[str, str]]:
    gradients, weights = look.gradients.tolist(), look.weights.tolist()
    ratios = [one / max(other, 1e-30) for one, other in zip(gradients, weights, strict=True)]
    rows = dict(zip(look.layers, ratios, strict=True))
    broken = [name for name, ratio in rows.items() if not ratio < float("inf")]
    if broken:
        text = (
            f"{look.place}: the gradient of {broken[-1]} is not finite; likely cause: numbers "
            "beyond the range of the precision, or too high a learning rate"
        )
        yield "gradient", text
        return
    most, least = max(rows, key=rows.__getitem__), min(rows, key=rows.__getitem__)
    if rows[most] > EXPLODED:
        text = (
            f"{look.place}: gradients explode: that of {most} is {rows[most]:,.0f} times as long "
            "as its weights; likely cause: many layers without normalization, or first weights "
            "that are too large; try --clip-grad 1"
        )
        yield "exploding", text
    if rows[least] < VANISHED * rows[most]:
        text = (
            f"{look.place}: gradients vanish: that of {least} is {rows[least]:.2g} times as long "
            f"as its weights, of {most} {rows[most]:.2g} times; likely cause: saturated or dead "
            "units between it and the output, or many layers without normalization"
        )
        yield "vanishing", text


@torch.inference_mode()
def check_activations(network: nn.Module, images: Tensor, state: TrainState) -> Iterator[str]:
    """What is wrong with the units of a network in evaluation mode, once a kind."""
    dead, saturated = _watched(network, images[:CHECKED_IMAGES])
    count, place = len(images[:CHECKED_IMAGES]), f"after epoch {state.epoch + 1}"
    whole = next((name for name, (off, of) in dead.items() if off == of), None)
    if whole:
        yield from _once(
            state,
            "dead layer",
            f"{place}: {whole} is dead: its output is 0 for each of {count} images; likely "
            "cause: a learning rate that was too high for a moment; a lower one needs a new start",
        )
    some = {name: off / of for name, (off, of) in dead.items() if off < of}
    name = max(some, key=some.__getitem__, default="")
    if name and some[name] >= DEAD:
        off, of = dead[name]
        yield from _once(
            state,
            "dead units",
            f"{place}: {off} of {of} channels of {name} are dead: 0 for each of {count} images; "
            "likely cause: a learning rate that was too high for a moment, or too wide a layer",
        )
    name = max(saturated, key=saturated.__getitem__, default="")
    if name and saturated[name] >= SATURATED:
        yield from _once(
            state,
            "saturated",
            f"{place}: {name} is saturated: {format_percent(saturated[name])} of its outputs lie at the "
            "ends of its range, where it passes no gradient; likely cause: weights that grew too "
            "large; try a lower learning rate",
        )


def _watched(
    network: nn.Module, images: Tensor
) -> tuple[dict[str, tuple[int, int]], dict[str, float]]:
    """Dead channels and all channels by layer; the saturated share by squashing layer."""
    channels, ends = dict[str, tuple[Tensor, int, int]](), dict[str, Tensor]()

    def watch(name: str, module: nn.Module, output: object) -> None:
        if not isinstance(output, Tensor) or not output.is_floating_point() or output.ndim < 2:
            return
        if isinstance(module, _RECTIFIERS) or any(module.children()):  # a block ends in one
            off = (output == 0).flatten(2).all(dim=2) if output.ndim > 2 else output == 0
            off = off.all(dim=0)
            channels[name] = off.sum(), len(off), output.numel() // len(off)
        if heights := _activation_range(module):
            low, high = heights
            near = (high - low) / 100
            ends[name] = ((output < low + near) | (output > high - near)).float().mean()

    hooks = [
        module.register_forward_hook(
            lambda module, _, output, name=name: watch(name, module, output)
        )
        for name, module in network.named_modules()
        if name
    ]
    try:
        network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
    dead = {
        name: (int(off), of)
        for name, (off, of, seen) in channels.items()
        if seen >= _ENOUGH or int(off) == of
    }
    return dead, {name: float(share) for name, share in ends.items()}


def _activation_range(module: nn.Module) -> tuple[float, float] | None:
    """The ends of a squashing layer's range."""
    if isinstance(module, ScaledTanh):
        return -module.height, module.height
    return next((ends for kind, ends in _RANGES.items() if isinstance(module, kind)), None)


@dataclass(frozen=True)
class Cause:
    """What is no longer well, and why, as a part of a sentence."""

    text: str
    advice: str = ""  #: what to try; none: a lower rate


@torch.no_grad()
def diagnose(network: nn.Module, images: Tensor | None, precision: Precision) -> Cause:
    """The first layer whose numbers are not finite, or else the largest, in a step as it was.

    The batch runs forward again, with a hook on every layer; running statistics may change.
    """
    if images is not None and not images.isfinite().all():
        said = "the images of this batch are not finite themselves"
        return Cause(said, "striate check")
    # in a batch that fails, running statistics fail with it
    held = network.named_parameters() if images is not None else network.state_dict().items()
    for name, tensor in held:
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return Cause(f"{name} is not finite since an update before; likely cause: that rate")
    if images is None:
        return Cause("its weights are finite; likely cause: that rate")
    most = _outputs(network, images, precision)
    if not most:  # no layer of it is a module
        return Cause("likely cause: that rate")
    broken = next((name for name, value in most.items() if not value < float("inf")), None)
    if broken is None:
        name = max(most, key=most.__getitem__)
        return Cause(f"the output of {name} reaches {most[name]:.2g}; likely cause: that rate")
    if precision != "float32":
        again = _outputs(network, images, "float32")
        if again[broken] < float("inf"):
            said = f"the output of {broken} is not finite in {precision}, but is in float32"
            return Cause(f"{said}; likely cause: the precision", "--precision float32")
    weights = [param.abs().max() for param in network.get_submodule(broken).parameters()]
    reach = f", with weights up to {float(max(weights)):.2g}" if weights else ""
    return Cause(f"the output of {broken} is not finite{reach}; likely cause: that rate")


def _outputs(network: nn.Module, images: Tensor, precision: Precision) -> dict[str, float]:
    """The largest absolute output of every layer, in the order they ran; nan stays nan."""
    found = dict[str, Tensor]()

    def note(name: str, output: object) -> None:
        leaves = (leaf for leaf in tree.tree_leaves(output) if isinstance(leaf, Tensor))
        values = [leaf.abs().max() for leaf in leaves if leaf.is_floating_point() and leaf.numel()]
        if values:
            found[name] = torch.stack([value.float() for value in values]).max()

    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: note(name, output))
        for name, module in network.named_modules()
        if name
    ]
    try:
        with hardware.autocast(precision, images.device):
            network.train()(images)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: float(value) for name, value in found.items()}
