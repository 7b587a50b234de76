"""Loss scaling: small gradients are kept from vanishing in 16-bit floats."""

from __future__ import annotations

import torch
from torch import Tensor

_FIRST, _UP, _DOWN, _AFTER = 2.0**16, 2.0, 0.5, 2000


class Scale:
    """A factor that grows while gradients stay finite and halves when they do not.

    Micikevicius et al. 2018, section 3.2, https://arxiv.org/abs/1710.03740. It begins at 2^16 and
    doubles after 2,000 steps without overflow, as torch's own GradScaler does.
    """

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.full((), _FIRST, device=device)
        self._finite_steps = torch.zeros((), device=device)

    def undone(self, gradients: list[Tensor]) -> bool:
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
