"""A generator of images and a discriminator that tells them from real ones, as one network.

Goodfellow et al.: Generative adversarial nets, NeurIPS 2014. https://arxiv.org/abs/1406.2661
With several classes, the generator is told which one to make, and the discriminator has a logit
for each, of which that of the image's class counts: Mescheder et al. 2018, appendix D,
https://arxiv.org/abs/1801.04406.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

#: multipliers of SplitMix64, Steele et al. 2014, https://doi.org/10.1145/2660193.2660195, as int64
_GAMMA, _MIX, _MIX_AGAIN = -7046029254386353131, -4658895280553007687, -7723592293110705685


class Judged(NamedTuple):
    """Real images, and what the discriminator says of them."""

    images: Tensor  #: (N, C, H, W)
    logits: Tensor  #: (N, classes): above 0 for real


class Generated(NamedTuple):
    """Images that a generator made, and what the discriminator says of them."""

    images: Tensor  #: (N, C, H, W)
    classes: Tensor  #: (N,) int64: as which class each was made
    logits: Tensor  #: (N, classes): above 0 for real


class Adversarial(nn.Module):
    """(N, C, H, W) real images -> these and one generated image for each, all of them judged.

    The noise of a generated image follows from the pixels of the real one, so that a set of images
    gives the same ones in any batches.
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, noise: int, classes: int = 1
    ) -> None:
        """`generator`: (N, noise, 1, 1) -> images; with several classes, one-hot ones come last."""
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.noise, self.classes = noise, classes

    def forward(self, x: Tensor) -> tuple[Judged, Generated]:
        """(N, C, H, W) -> these images and as many generated ones."""
        numbers = _hash(x)
        classes = numbers.remainder(self.classes)
        made = self.make(_uniform(numbers, self.noise), classes)
        return self.judge(x, made, classes)

    def make(self, noise: Tensor, classes: Tensor) -> Tensor:
        """(N, noise) from -1 to 1, classes (N,) -> images (N, C, H, W) from -1 to 1."""
        code = noise
        if self.classes > 1:
            named = nn.functional.one_hot(classes, self.classes).to(noise.dtype)
            code = torch.cat([noise, named], dim=1)
        return self.generator(code[..., None, None])

    def judge(self, x: Tensor, made: Tensor, classes: Tensor) -> tuple[Judged, Generated]:
        """Return what the discriminator says of real and of generated images.

        Raises RuntimeError for images of another size than the generator's.
        """
        if x.shape[1:] != made.shape[1:]:
            given, own = ("x".join(map(str, each.shape[1:])) for each in (x, made))
            raise RuntimeError(f"images of {given} came, but the generator makes those of {own}")
        real, false = self.discriminator(x), self.discriminator(made)
        return Judged(x, real), Generated(made, classes, false)

    def draw(self, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return noise (count, noise), uniform from -1 to 1, and classes, by torch's generator."""
        noise = torch.rand(count, self.noise, device=device) * 2 - 1
        return noise, torch.randint(self.classes, (count,), device=device)


def _hash(x: Tensor) -> Tensor:
    """Return a number (N,) int64 of the pixels of each image (N, C, H, W), to an 8-bit level."""
    levels = (x.detach().float() * 127.5).round().to(torch.int64).flatten(1)
    places = torch.arange(1, levels.shape[1] + 1, device=x.device)
    return _mixed((levels * _mixed(places)).sum(dim=1)) & (2**62 - 1)


def _uniform(numbers: Tensor, count: int) -> Tensor:
    """Return numbers (N, count) float32 from -1 to 1 that follow from integers (N,)."""
    streams = torch.arange(1, count + 1, device=numbers.device)
    bits = _mixed(numbers[:, None] + streams * _GAMMA)
    return ((bits >> 40) & (2**24 - 1)).float() * 2**-23 - 1


def _mixed(numbers: Tensor) -> Tensor:
    """Mix the bits of integers as SplitMix64 does; int64 overflows as wanted."""
    numbers = (numbers ^ _shifted(numbers, 30)) * _MIX
    numbers = (numbers ^ _shifted(numbers, 27)) * _MIX_AGAIN
    return numbers ^ _shifted(numbers, 31)


def _shifted(numbers: Tensor, bits: int) -> Tensor:
    """Shift to the right with zeros."""
    return (numbers >> bits) & (2 ** (64 - bits) - 1)
