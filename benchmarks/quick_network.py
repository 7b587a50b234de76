"""A network and a recipe of our own for CIFAR-10 in seconds on one GPU.

A first convolution whose kernels are the whitened directions of the images' own 3x3 patches and
their opposites, and that is not trained (after Page 2019, How to train your ResNet; Coates and Ng
2012); three stages that halve the image, each with a residual second convolution; the greatest
value of every channel; a dense layer. Images are shifted by up to two pixels and mirrored every
other epoch (Jordan 2024, https://arxiv.org/abs/2404.00498, section 3.6). Muon, one cycle, smoothed
labels; a test image counts with its mirror.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.hardware import autocast, to_device
from striate.layers import chain
from striate.optim.optimizer import Optimizer
from striate.optim.schedule import learning_rate
from striate.tasks.classification import task as classification

MEAN, DEVIATION = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)  # of CIFAR-10's channels
PATCHES = 5000  #: images whose patches are looked at
FLOOR = 5e-4  #: added to each direction's variance
SHIFT, RISING, SCALE = 2, 0.2, 1 / 8


@dataclass(frozen=True)
class Quick:
    """What is trained how."""

    widths: tuple[int, int, int] = (64, 256, 256)
    epochs: int = 8
    batch: int = 1024
    rate: float = 0.03
    decay: float = 0.01
    smoothing: float = 0.2
    compiled: bool = True


class Residual(nn.Module):
    """An image plus what a convolution, a norm and a GELU make of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = normed(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> the same."""
        return x + self.inner(x)


def normed(inputs: int, outputs: int, *between: nn.Module) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, *between, nn.BatchNorm2d(outputs), nn.GELU())


def build(quick: Quick, images: Tensor) -> nn.Sequential:
    """(N, 3, 32, 32) -> logits (N, 10); the first kernels are made from these images."""
    kernels = whitening(images)
    stem = nn.Conv2d(3, len(kernels), 3, padding=1)
    stem.weight = nn.Parameter(kernels, requires_grad=False)
    stages, inputs = list[nn.Module](), len(kernels)
    for width in quick.widths:
        stages.append(nn.Sequential(normed(inputs, width, nn.MaxPool2d(2)), Residual(width)))
        inputs = width
    return chain(
        stem=nn.Sequential(stem, nn.GELU()),
        stages=nn.Sequential(*stages),
        head=nn.Sequential(
            nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(inputs, 10, bias=False)
        ),
    )


def whitening(images: Tensor) -> Tensor:
    """(N, 3, H, W) -> kernels (54, 3, 3, 3) whose answers are of variance 1 and independent."""
    patches = F.unfold(images[:PATCHES].float(), 3).transpose(1, 2).reshape(-1, 27)
    variance, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
    kernels = (directions / (variance + FLOOR).sqrt()).T.reshape(27, 3, 3, 3)
    return torch.cat([kernels, -kernels])


def normalized(pixels: Tensor) -> Tensor:
    """(N, 32, 32, 3) uint8 -> (N, 3, 32, 32) float32, channels last."""
    values = pixels.float().div_(255)
    values = (values - values.new_tensor(MEAN)) / values.new_tensor(DEVIATION)
    return values.permute(0, 3, 1, 2)


def shifted(padded: Tensor, rows: Tensor, side: int) -> Tensor:
    """Squares of the padded images (N, H, W, 3) with these rows, each from a place of its own."""
    device, span = padded.device, padded.shape[1] - side + 1
    along = torch.arange(side, device=device)
    down, across = (torch.randint(span, (len(rows), 1), device=device) + along for _ in range(2))
    return padded[rows[:, None, None], down[:, :, None], across[:, None, :]]


def trained(quick: Quick, pixels: Tensor, labels: Tensor) -> nn.Module:
    """A network that learned from images (N, 32, 32, 3) uint8 on their device."""
    device, count = pixels.device, len(pixels)
    network = to_device(build(quick, normalized(pixels[:PATCHES])).to(device), device)
    ahead = torch.compile(network) if quick.compiled else network
    optimizer = Optimizer(network, "muon", quick.decay)
    mirrored = torch.rand(count, device=device) < 0.5
    padded = F.pad(pixels.permute(0, 3, 1, 2).float(), [SHIFT] * 4, "reflect")
    padded = padded.to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    steps = count // quick.batch
    for epoch in range(quick.epochs):
        order = torch.randperm(count, device=device)
        for step in range(steps):
            rows = order[step * quick.batch : (step + 1) * quick.batch]
            batch = normalized(shifted(padded, rows, pixels.shape[1]))
            turn = (mirrored[rows] ^ bool(epoch % 2)).reshape(-1, 1, 1, 1)
            batch = torch.where(turn, batch.flip(3), batch)
            progress = (epoch * steps + step) / (quick.epochs * steps)
            with autocast("bfloat16", device):
                outputs = ahead(batch.contiguous(memory_format=torch.channels_last)) * SCALE
                loss = classification.loss(outputs, labels[rows], smoothing=quick.smoothing)
            loss.backward()
            optimizer.step(learning_rate(quick.rate, progress, "one-cycle", RISING))
            optimizer.zero_grad()
    return ahead


@torch.inference_mode()
def accuracy(network: nn.Module, pixels: Tensor, labels: Tensor, batch: int = 2000) -> float:
    """The share right when each image counts with its mirror."""
    network.eval()
    correct = torch.zeros(1, dtype=torch.int64, device=pixels.device)
    for start in range(0, len(pixels), batch):
        images = normalized(pixels[start : start + batch])
        with autocast("bfloat16", pixels.device):
            both = network(images) + network(images.flip(3))
        correct += classification.count_correct(both, labels[start : start + batch])
    return correct.item() / len(pixels)
