"""Optimizers by name: which rule changes which weights of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from striate import options
from striate.optim import rules
from striate.optim.layerwise_rules import TRUST, lamb_rule, lars_rule, lion_rule
from striate.optim.muon import muon_rule
from striate.optim.rules import ParamGroup, UpdateRule

_FIRST, _UP, _DOWN, _AFTER = 2.0**16, 2.0, 0.5, 2000


class GradScaler:
    """A factor that grows while gradients stay finite and halves when they do not.

    Micikevicius et al. 2018, section 3.2, https://arxiv.org/abs/1710.03740. It begins at 2^16 and
    doubles after 2,000 steps without overflow, as torch's own GradScaler does.
    """

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.full((), _FIRST, device=device)
        self._finite_steps = torch.zeros((), device=device)

    def unscale_(self, gradients: list[Tensor]) -> bool:
        """Divide gradients by the factor, in place; whether all are finite."""
        for gradient in gradients:
            gradient.div_(self.factor)
        finite = all(torch.stack([gradient.isfinite().all() for gradient in gradients]).tolist())
        self._finite_steps += 1
        if not finite or self._finite_steps >= _AFTER:
            self.factor *= _UP if finite else _DOWN
            self._finite_steps.zero_()
        return finite

    def state(self) -> dict[str, Tensor]:
        """Its tensors, by name."""
        return {"scale": self.factor, "finite_steps": self._finite_steps}


@dataclass(frozen=True)
class Defaults:
    """What an optimizer takes where nothing is asked for."""

    learning_rate: float  #: the highest; times that of the network's card where `of_card`
    weight_decay: float
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    per_card: bool = False  #: a rate for gradients as they are: it depends on network and batch


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


class Optimizer:
    """Changes the weights of a network by their gradients.

    Parameters of one dimension or none, which are biases and the scales of norms, are not decayed.
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
    ) -> None:
        asked = {"momentum": momentum, "betas": betas, "eps": eps}
        given: dict[str, Any] = {what: value for what, value in asked.items() if value is not None}
        self._parts = _param_groups(network, name, weight_decay, replace(DEFAULTS[name], **given))
        self._owners = [(param, part) for part in self._parts for param in part.params]
        self._scale = GradScaler(self._owners[0][0].device) if scaled else None

    @property
    def scale(self) -> Tensor | float:
        """What a loss is multiplied by before its gradients are taken."""
        return self._scale.factor if self._scale else 1.0

    def grads_finite(self) -> bool:
        """Bring scaled gradients back to their size; whether all are finite, so that a step counts.

        Gradients that were not scaled are left as they are, and the step counts.
        """
        grads = [param.grad for param, _ in self._owners if param.grad is not None]
        return self._scale is None or self._scale.unscale_(grads)

    @property
    def params(self) -> list[Tensor]:
        """The weights that it changes."""
        return [param for param, _ in self._owners]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for param, _ in self._owners:
            param.grad = None

    def clip_grad_norm(self, longest: float) -> None:
        """Shorten all gradients alike, where together they are longer than this."""
        nn.utils.clip_grad_norm_(self.params, longest)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Change every weight that has a gradient."""
        for part in self._parts:
            part.update_args(learning_rate)

    def state(self) -> dict[str, Tensor]:
        """Its tensors, named "parameter.what", with the gradients that wait for a step."""
        found: dict[str, Tensor] = {}
        for index, (param, part) in enumerate(self._owners):
            gradient = {} if param.grad is None else {"gradient": param.grad}
            for what, tensor in (part.state(param) | gradient).items():
                found[f"{index}.{what}"] = tensor
        return found | (self._scale.state() if self._scale else {})

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `state` gave."""
        for index, (param, _) in enumerate(self._owners):
            waits = f"{index}.gradient" in tensors
            param.grad = torch.empty_like(param) if waits else None  # laid out like its weight
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
    """The rule of an optimizer that has one for all weights."""
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
