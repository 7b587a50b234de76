"""The turns in which discriminator and generator learn.

What the discriminator sees is shifted at random, real and generated images alike, as it would know
few images by heart otherwise: Zhao et al. 2020, https://arxiv.org/abs/2006.10738.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from striate.layers import Adversarial, Generated, Judged


class DiscriminatorTurn(nn.Module):
    """What the discriminator learns from: real images, and as many that the generator made.

    Each is shifted by up to a share of its side.
    """

    def __init__(self, pair: Adversarial, shift: float = 0.0) -> None:
        super().__init__()
        self.pair, self.shift = pair, shift

    def forward(self, x: Tensor) -> tuple[Judged, Generated]:
        """(N, C, H, W) -> as the pair, with drawn noise; nothing flows into the generator."""
        with torch.no_grad():
            noise, classes = self.pair.draw(len(x), x.device)
            made = self.pair.make(noise, classes)
        return self.pair.judge(shift_images(x, self.shift), shift_images(made, self.shift), classes)


class GeneratorTurn(nn.Module):
    """What the generator learns from: what the discriminator says of generated images.

    Each is shifted by up to a share of its side.
    """

    def __init__(self, pair: Adversarial, shift: float = 0.0) -> None:
        super().__init__()
        self.pair, self.shift = pair, shift

    def forward(self, x: Tensor) -> Generated:
        """(N, C, H, W) -> as many generated images; no gradient for the discriminator's weights."""
        noise, classes = self.pair.draw(len(x), x.device)
        made, judge = self.pair.make(noise, classes), self.pair.discriminator
        fixed = {name: each.detach() for name, each in judge.named_parameters()}
        seen = shift_images(made, self.shift)
        return Generated(made, classes, functional_call(judge, fixed, (seen,)))


def shift_images(x: Tensor, share: float) -> Tensor:
    """Shift each image (N, C, H, W) by up to a share of its sides, at random; edges extend."""
    if not share:
        return x
    places = list[Tensor]()
    for side in x.shape[2:]:
        most = round(share * side)
        moved = torch.randint(-most, most + 1, (len(x), 1), device=x.device)
        places.append((torch.arange(side, device=x.device) + moved).clamp(0, side - 1))
    rows, columns = places
    moved = x.gather(2, rows[:, None, :, None].expand_as(x))
    return moved.gather(3, columns[:, None, None, :].expand_as(x))
