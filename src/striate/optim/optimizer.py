"""Optimizers by name: parameter groups with their update rules, and float16 loss scaling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from striate import options
from striate.optim import rules
from striate.optim.layerwise_rules import TRUST, lamb_rule, lars_rule, lion_rule
from striate.optim.muon import muon_rule
from striate.optim.rules import ParamGroup, UpdateRule

# loss scale: initial value, growth, backoff, and growth interval in steps
_FIRST, _UP, _DOWN, _AFTER = 2.0**16, 2.0, 0.5, 2000


@dataclass(frozen=True)
class Defaults:
    """Default hyperparameters of an optimizer."""

    learning_rate: float  #: peak; with `per_card`, multiplied by the rate of the network's card
    weight_decay: float
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    per_card: bool = False  #: the rate depends on network and batch (not adaptive)


DEFAULTS: dict[options.OptimizerName, Defaults] = {
    "sgd": Defaults(10.0, 5e-4, per_card=True),
    "momentum": Defaults(1.0, 5e-4, momentum=0.9, per_card=True),
    "nesterov": Defaults(1.0, 5e-4, momentum=0.9, per_card=True),
    "adagrad": Defaults(0.03, 0.0, eps=1e-10),
    "rmsprop": Defaults(0.003, 0.0),
    "adam": Defaults(0.003, 0.0),
    "adamw": Defaults(0.003, 0.05),
    "lamb": Defaults(0.01, 0.02, eps=1e-6),
    "lars": Defaults(8.0, 5e-4, momentum=0.9),
    "lion": Defaults(0.001, 0.15, betas=(0.9, 0.99)),
    "muon": Defaults(0.02, 0.01, momentum=0.95),
}
_BESIDE_MUON = DEFAULTS["adamw"].learning_rate / DEFAULTS["muon"].learning_rate


class GradScaler:
    """Dynamic loss scale for float16: halved on overflow.

    Micikevicius et al. 2018, section 3.2, https://arxiv.org/abs/1710.03740. Starts at 2^16 and
    doubles after 2,000 steps without overflow, like torch's GradScaler.
    """

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.full((), _FIRST, device=device)
        self._finite_steps = torch.zeros((), device=device)

    def unscale_(self, gradients: list[Tensor]) -> bool:
        """Divide gradients by the scale, in place; return whether all are finite."""
        for gradient in gradients:
            gradient.div_(self.factor)
        finite = all(torch.stack([gradient.isfinite().all() for gradient in gradients]).tolist())
        self._finite_steps += 1
        if not finite or self._finite_steps >= _AFTER:
            self.factor *= _UP if finite else _DOWN
            self._finite_steps.zero_()
        return finite

    def state(self) -> dict[str, Tensor]:
        """Return its tensors by name."""
        return {"scale": self.factor, "finite_steps": self._finite_steps}


class Optimizer:
    """Updates a network's weights from their gradients.

    Parameters with at most one dimension (biases and norm scales) get no weight decay.
    """

    def __init__(
        self,
        network: nn.Module,
        name: options.OptimizerName,
        weight_decay: float,
        *,
        momentum: float | None = None,
        betas: tuple[float, float] | None = None,
        eps: float | None = None,
        scaled: bool = False,
        shares: Mapping[Tensor, float] | None = None,
    ) -> None:
        """`shares` are parts of the learning rate, of parameters that do not get all of it."""
        asked = {"momentum": momentum, "betas": betas, "eps": eps}
        given: dict[str, Any] = {what: value for what, value in asked.items() if value is not None}
        groups = _param_groups(network, name, weight_decay, replace(DEFAULTS[name], **given))
        self._groups = [part for group in groups for part in group.split(shares or {})]
        self._owners = [(param, group) for group in self._groups for param in group.params]
        self._scale = GradScaler(self._owners[0][0].device) if scaled else None

    @property
    def scale(self) -> Tensor | float:
        """Loss scale; 1 unless float16."""
        return self._scale.factor if self._scale else 1.0

    def grads_finite(self) -> bool:
        """Unscale the gradients; return whether all are finite and the step can be taken.

        Without loss scaling, leave them unchanged and return True.
        """
        grads = [param.grad for param, _ in self._owners if param.grad is not None]
        return self._scale is None or self._scale.unscale_(grads)

    @property
    def params(self) -> list[Tensor]:
        """The trainable parameters."""
        return [param for param, _ in self._owners]

    def zero_grad(self) -> None:
        """Set all gradients to None."""
        for param, _ in self._owners:
            param.grad = None

    def clip_grad_norm(self, longest: float) -> None:
        """Clip the global norm of the gradients to `longest`."""
        nn.utils.clip_grad_norm_(self.params, longest)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update every parameter that has a gradient."""
        for group in self._groups:
            group.update(learning_rate)

    def state(self) -> dict[str, Tensor]:
        """Return its tensors, keyed "INDEX.NAME", with accumulated gradients."""
        found: dict[str, Tensor] = {}
        for index, (param, group) in enumerate(self._owners):
            gradient = {} if param.grad is None else {"gradient": param.grad}
            for what, tensor in (group.state(param) | gradient).items():
                found[f"{index}.{what}"] = tensor
        return found | (self._scale.state() if self._scale else {})

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Load the tensors of `state`."""
        for index, (param, _) in enumerate(self._owners):
            waits = f"{index}.gradient" in tensors
            param.grad = torch.empty_like(param) if waits else None  # same strides
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


def _param_groups(
    network: nn.Module, name: options.OptimizerName, decay: float, chosen: Defaults
) -> list[ParamGroup]:
    params: list[Tensor] = [param for param in network.parameters() if param.requires_grad]
    weights = [param for param in params if param.ndim > 1]
    others = [param for param in params if param.ndim <= 1]
    momentum, betas, eps = chosen.momentum, chosen.betas, chosen.eps
    match name:
        case "lamb":
            plain = rules.adam_rule(betas, DEFAULTS["adam"].eps)
            return [ParamGroup(lamb_rule(betas, eps), weights, decay), ParamGroup(plain, others)]
        case "lars":
            plain = rules.sgd_rule(momentum)
            return [
                ParamGroup(lars_rule(momentum), weights, decay),
                ParamGroup(plain, others, share=TRUST),
            ]
        case "muon":
            hidden, ends = weights[1:-1], weights[:1] + weights[1:][-1:]
            plain = rules.adam_rule(betas, eps, decoupled=True)
            return [
                ParamGroup(muon_rule(momentum), hidden, decay),
                ParamGroup(plain, ends, decay, _BESIDE_MUON),
                ParamGroup(plain, others, share=_BESIDE_MUON),
            ]
        case _:
            rule = _rule(name, momentum, betas, eps)
            return [ParamGroup(rule, weights, decay), ParamGroup(rule, others)]


def _rule(
    name: options.OptimizerName, momentum: float, betas: tuple[float, float], eps: float
) -> UpdateRule:
    """Return the update rule of an optimizer with a single rule for all parameters."""
    match name:
        case "adagrad":
            return rules.adagrad_rule(eps)
        case "rmsprop":
            return rules.rmsprop_rule(momentum, eps)
        case "adam" | "adamw":
            return rules.adam_rule(betas, eps, decoupled=name == "adamw")
        case "lion":
            return lion_rule(betas)
        case _:
            return rules.sgd_rule(momentum, nesterov=name == "nesterov")
