"""Dreams: the image that a channel of a layer prefers, found by gradient ascent from noise."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from striate.data.decoding.preprocess import Preprocess
from striate.errors import ModelError, OptionError
from striate.look.layers import check_channel, find_layer, watch_layers
from striate.summary import opened

STEPS = 128
_RATE = 0.05  #: of Adam
_SPREAD = 0.01  #: of the frequencies of the noise that is begun with
_TURN, _ZOOM, _SHIFT = 8.0, 0.1, 1 / 16  #: at most: degrees, share of the scale, of the side
_AT_ONCE = 8  #: images that are computed together
#: columns: directions in which the colors of photographs vary, as in Olah et al. 2017
_COLORS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


@dataclass(frozen=True)
class Dream:
    """The image that a channel of a layer prefers, and how strongly it answers."""

    layer: str
    channel: int
    pixels: NDArray[np.uint8] = field(repr=False)  #: (H, W, C)
    activation: float  #: of these pixels, the mean over positions
    start: float  #: the same of the noise that was begun with


def dream(
    network: nn.Module,
    preprocess: Preprocess,
    layer: str,
    channels: Sequence[int],
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> tuple[Dream, ...]:
    """Return the image that each of these channels of a layer prefers, at the size of the input.

    Gradient ascent on the mean of a channel over its positions, or on a class where the layer has
    a number for each. An image is made of frequencies, weak where high, and of decorrelated colors,
    and is shifted, turned and scaled a little at each step, so that no pattern of single pixels
    does it: Olah et al., "Feature visualization", 2017, https://distill.pub/2017/feature-visualization.
    All is done on a copy of the network in float32. A seed gives the same images again, whatever
    the other channels. Raises OptionError for an unknown layer or channel, ModelError for values
    that are not finite.
    """
    find_layer(network, layer)
    twin = copy.deepcopy(opened(network)).float().eval().requires_grad_(requires_grad=False)
    noise = _draw_noise(preprocess, torch.Generator().manual_seed(seed))
    noise = noise.to(next(twin.parameters()).device)
    starts = read_channels(twin, layer, _as_input(_to_bytes(_paint(noise)), preprocess))[0]
    for channel in channels:
        check_channel(layer, channel, len(starts))
    made = list[Dream]()
    for at in range(0, len(channels), _AT_ONCE):
        some = list(channels[at : at + _AT_ONCE])
        pixels = _to_bytes(_ascend(twin, preprocess, layer, some, noise, steps, seed))
        reached = read_channels(twin, layer, _as_input(pixels, preprocess))
        made += [
            Dream(
                layer, channel, image.numpy(), float(reached[row, channel]), float(starts[channel])
            )
            for row, (channel, image) in enumerate(zip(some, pixels.cpu(), strict=True))
        ]
    return tuple(made)


def read_channels(network: nn.Module, layer: str, inputs: Tensor) -> NDArray[np.float64]:
    """Return the mean over positions of each channel of a layer, (N, channels), of (N, C, H, W).

    A layer that is called several times is read at its last call. Raises ModelError for values
    that are not finite.
    """
    network, found = opened(network), list[Tensor]()
    with torch.no_grad(), watch_layers(network, [layer]) as watched:
        for some in inputs.split(_AT_ONCE):
            network(some)
            found.append(_means(watched, layer).double().cpu())
    values = torch.cat(found)
    _check_finite(layer, values)
    return values.numpy()


def count_channels(network: nn.Module, layer: str, shape: Sequence[int]) -> int:
    """Return how many channels a layer has for images of this shape (C, H, W)."""
    weight = next(network.parameters())
    return read_channels(network, layer, weight.new_zeros((1, *shape))).shape[1]


def _ascend(
    network: nn.Module,
    preprocess: Preprocess,
    layer: str,
    channels: list[int],
    noise: Tensor,
    steps: int,
    seed: int,
) -> Tensor:
    """Return the images (N, C, H, W), 0 to 1, of channels, each from the same noise."""
    random = torch.Generator().manual_seed(seed)
    mean, std = (
        noise.new_tensor(values).view(-1, 1, 1) for values in (preprocess.mean, preprocess.std)
    )
    spectrum = noise.repeat(len(channels), 1, 1, 1, 1).requires_grad_()
    optimizer = torch.optim.Adam([spectrum], lr=_RATE)
    rows = range(len(channels))
    with torch.enable_grad(), watch_layers(network, [layer]) as watched:
        for _ in range(steps):
            network(_move((_paint(spectrum) - mean) / std, random))
            optimizer.zero_grad()
            (-_means(watched, layer)[rows, channels].sum()).backward()
            assert spectrum.grad is not None
            _check_finite(layer, spectrum.grad)
            optimizer.step()
    return _paint(spectrum.detach())


def _means(watched: dict[str, list[Tensor]], layer: str) -> Tensor:
    """Return the mean of each channel over positions: of maps, of tokens (N, T, D), of a vector."""
    if not watched.get(layer):
        raise OptionError(f"layer {layer} does not run, so nothing can be dreamt of it")
    output = watched[layer][-1]
    if output.ndim == 3:
        return output.mean(1)
    return output.flatten(2).mean(2) if output.ndim > 3 else output


def _check_finite(layer: str, values: Tensor) -> None:
    if not values.isfinite().all():
        raise ModelError(
            f"the values or gradients of layer {layer} are not finite, so no image can be found; "
            "use other weights"
        )


def _draw_noise(preprocess: Preprocess, random: torch.Generator) -> Tensor:
    """Return the spectrum (1, C, H, W // 2 + 1, 2) of faint noise."""
    side = preprocess.size
    return _SPREAD * torch.randn(1, preprocess.channels, side, side // 2 + 1, 2, generator=random)


def _paint(spectrum: Tensor) -> Tensor:
    """Return the images (N, C, H, W), 0 to 1, of spectra: high frequencies count for less."""
    side, colors = spectrum.shape[2], spectrum.shape[1]
    down, across = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
    frequency = torch.hypot(down[:, None], across[None]).clamp(min=1 / side)
    scale = (side / frequency / 4).to(spectrum.device)
    values = torch.fft.irfft2(torch.view_as_complex(spectrum) * scale, s=(side, side))
    if colors == 3:
        mix = spectrum.new_tensor(_COLORS)
        mix = mix / mix.norm(dim=0).max()
        values = torch.einsum("nchw,dc->ndhw", values, mix)
    return values.sigmoid()


def _move(images: Tensor, random: torch.Generator) -> Tensor:
    """Shift, turn and scale all images alike, by a little that is drawn at random."""
    turn, zoom, down, across = (torch.rand(4, generator=random) * 2 - 1).tolist()
    angle, scale = math.radians(turn * _TURN), 1 + zoom * _ZOOM
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    shifts = (2 * _SHIFT * across, 2 * _SHIFT * down)
    matrix = images.new_tensor([[cos, -sin, shifts[0]], [sin, cos, shifts[1]]])
    places = functional.affine_grid(
        matrix.expand(len(images), 2, 3), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, places, padding_mode="reflection", align_corners=False)


def _to_bytes(images: Tensor) -> Tensor:
    """Return images (N, C, H, W), 0 to 1, as bytes (N, H, W, C)."""
    return (images * 255).round().byte().permute(0, 2, 3, 1).contiguous()


def _as_input(pixels: Tensor, preprocess: Preprocess) -> Tensor:
    return preprocess.normalize(pixels)
