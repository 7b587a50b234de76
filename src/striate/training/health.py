"""Training health: warnings on gradients and activations, and the diagnosis of a divergence.

Each names the layer and the likely cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils import _pytree as tree

from striate import hardware
from striate.layers import ScaledTanh
from striate.options import Precision
from striate.tasks.task import Task
from striate.text import format_percent
from striate.training.checkpoint import TrainState

EXPLODED = 1e3  #: least gradient norm / weight norm of a layer with exploding gradients
VANISHED = 1e-6  #: gradients vanish: that ratio, relative to the largest of any layer
DEAD = 0.1  #: least fraction of dead channels in a layer that is reported
SATURATED = 0.9  #: least fraction of a layer's outputs near the ends of its range that is reported
CHECKED_IMAGES = 64  #: validation images for the activation checks
_PAUSE = 64  #: updates between gradient samples; before that at updates 1, 2, 4, 8, ...
_ENOUGH = 1000  #: least outputs per channel to call a single channel dead
_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardswish)
_RANGES = {nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0)}


@dataclass(frozen=True)
class GradientSample:
    """Gradient and weight norms of one update, kept on the device until read."""

    place: str
    layers: tuple[str, ...]
    gradients: Tensor  #: (layers,) norms
    weights: Tensor  #: (layers,) norms


class GradientMonitor:
    """Collects gradient norms and reports anomalies. Read-only: never affects the step."""

    def __init__(self) -> None:
        self._samples: list[GradientSample] = []

    @torch.no_grad()
    def record(self, network: nn.Module, state: TrainState, updates: int) -> None:
        """Sample the gradient norms if an update is due; `updates` is the number before it."""
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
            self._samples.append(GradientSample(place, tuple(found), *norms))

    def warnings(self, state: TrainState) -> Iterator[str]:
        """Yield gradient warnings, each kind once per run; reads the norms from the device."""
        samples, self._samples = self._samples, []
        for sample in samples:
            for kind, text in _gradients(sample):
                yield from _once(state, kind, text)


def _once(state: TrainState, kind: str, text: str) -> Iterator[str]:
    if kind not in state.warned:
        state.warned.append(kind)
        yield text


def _gradients(sample: GradientSample) -> Iterator[tuple[str, str]]:
    gradients, weights = sample.gradients.tolist(), sample.weights.tolist()
    fresh = 0.0 in weights  # a layer that starts at zero has no ratio, and passes no gradient
    ratios = [one / max(other, 1e-30) for one, other in zip(gradients, weights, strict=True)]
    rows = dict(zip(sample.layers, ratios, strict=True))
    broken = [name for name, ratio in rows.items() if not ratio < float("inf")]
    if broken:
        text = (
            f"{sample.place}: the gradient of {broken[-1]} is not finite; likely cause: numbers "
            "beyond the range of the precision, or too high a learning rate"
        )
        yield "gradient", text
    if broken or fresh or not any(ratios):
        return
    # 0 is of a layer that this batch did not ask; units that stay dead are found by their outputs
    reached = {name: ratio for name, ratio in rows.items() if ratio}
    most, least = (choose(reached, key=reached.__getitem__) for choose in (max, min))
    if rows[most] > EXPLODED:
        text = (
            f"{sample.place}: gradients explode: that of {most} is {rows[most]:,.0f} times as long "
            "as its weights; likely cause: many layers without normalization, or first weights "
            "that are too large; try --clip-grad 1"
        )
        yield "exploding", text
    if rows[least] < VANISHED * rows[most]:
        text = (
            f"{sample.place}: gradients vanish: that of {least} is {rows[least]:.2g} times as long "
            f"as its weights, of {most} {rows[most]:.2g} times; likely cause: saturated or dead "
            "units between it and the output, or many layers without normalization"
        )
        yield "vanishing", text


def warn_figures(
    task: Task, state: TrainState, trained: Mapping[str, float], figures: Mapping[str, float]
) -> Iterator[str]:
    """Yield what the task says is wrong by the figures of an epoch, each kind once per run."""
    epoch = state.epoch + 1
    for kind, text in task.diagnose(epoch, trained, figures):
        yield from _once(state, kind, f"epoch {epoch}: {text}")


@torch.inference_mode()
def check_activations(network: nn.Module, images: Tensor, state: TrainState) -> Iterator[str]:
    """Yield warnings on dead and saturated units in evaluation mode, each kind once per run."""
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
            f"{place}: {name} is saturated: {format_percent(saturated[name])} of its outputs lie "
            "at the ends of its range, where it passes no gradient; likely cause: weights that "
            "grew too large; try a lower learning rate",
        )


def _watched(
    network: nn.Module, images: Tensor
) -> tuple[dict[str, tuple[int, int]], dict[str, float]]:
    """Return layer -> (dead channels, channels), and layer -> saturated fraction of its outputs."""
    channels, ends = dict[str, tuple[Tensor, int, int]](), dict[str, Tensor]()

    def watch(name: str, module: nn.Module, output: object) -> None:
        if not isinstance(output, Tensor) or not output.is_floating_point() or output.ndim < 2:
            return
        if isinstance(module, _RECTIFIERS) or any(module.children()):  # a block may end in one
            off = (output == 0).flatten(2).all(dim=2) if output.ndim > 2 else output == 0
            off = off.all(dim=0)
            channels[name] = off.sum(), len(off), output.numel() // len(off)
        if ends_of_range := _activation_range(module):
            low, high = ends_of_range
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
    """Return the output range of a bounded activation; None for other layers."""
    if isinstance(module, ScaledTanh):
        return -module.height, module.height
    return next((ends for kind, ends in _RANGES.items() if isinstance(module, kind)), None)


@dataclass(frozen=True)
class Cause:
    """Cause of a divergence, as a clause of the error message."""

    text: str
    advice: str = ""  #: remedy; empty: a lower learning rate


@torch.no_grad()
def diagnose(network: nn.Module, images: Tensor | None, precision: Precision) -> Cause:
    """Find the first layer with a non-finite output, or else the one with the largest output.

    Repeats the forward pass with hooks on every layer; running statistics may change.
    """
    if images is not None and not images.isfinite().all():
        said = "the images of this batch are not finite themselves"
        return Cause(said, "striate check")
    # a failing batch also spoils the running statistics
    held = network.named_parameters() if images is not None else network.state_dict().items()
    for name, tensor in held:
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return Cause(f"{name} is not finite since an update before; likely cause: that rate")
    if images is None:
        return Cause("its weights are finite; likely cause: that rate")
    most = _outputs(network, images, precision)
    if not most:  # no submodules
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
    """Return each layer's largest absolute output, in execution order; NaN is kept."""
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
