"""Sliding-window inference: a classifier run fully convolutionally over a larger image."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.errors import OptionError, unknown
from striate.hardware import to_device
from striate.model import Ensemble, Model, check_images, one_network
from striate.summary import summarize
from striate.vision.template_match import Matches, find_peaks


@dataclass(frozen=True, eq=False)
class SlidingWindowResult:
    """Class probabilities of every window of an image."""

    probabilities: NDArray[np.float32]  #: (classes, rows, columns)
    class_names: tuple[str, ...]
    stride: int  #: pixels from one window to the next, down and across
    size: tuple[int, int]  #: height and width of a window, in pixels

    def find(
        self,
        class_name: str,
        *,
        threshold: float = 0.5,
        most: int | None = None,
        apart: float = 0.5,
    ) -> Matches:
        """Return the peaks of a class's probability as `striate.vision.Matches`."""
        if class_name not in self.class_names:
            raise unknown("class", class_name, self.class_names)
        scores = self.probabilities[self.class_names.index(class_name)]
        return find_peaks(
            scores, self.size, threshold=threshold, most=most, apart=apart, stride=self.stride
        )


def slide(model: Model | Ensemble, image: Any) -> SlidingWindowResult:
    """Return the probabilities of every window of the model's size in (H, W) or (H, W, C) uint8.

    The image is not resized: objects must appear at the scale of the training images. Background
    windows get one of the classes too, unless the model was trained with a background class.
    Raises OptionError for an ensemble or another task, for an image smaller than a window or with
    other channels, and as `make_convolutional` does.
    """
    if model.task.kind != "label":
        raise OptionError(
            "only a classifier can be slid over an image, but the model answers with "
            f"{model.task.gives}"
        )
    model = one_network(model, "a sliding window")
    check_images(model, "a sliding window")
    size, channels = model.preprocess.size, model.preprocess.channels
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != channels:
        raise OptionError(
            f"expected an image of uint8 with {channels} channel{'s' * (channels > 1)}, "
            f"but {pixels.dtype} of shape {np.shape(image)} came"
        )
    if min(pixels.shape[:2]) < size:
        raise OptionError(
            f"a window is {size} x {size} pixels, but the image has "
            f"{pixels.shape[0]} x {pixels.shape[1]}; enlarge it or predict it whole"
        )
    device = next(model.network.parameters()).device
    network = to_device(make_convolutional(model.network, (channels, size, size)), device)
    values = model.preprocess.normalize(torch.from_numpy(pixels[np.newaxis].copy()).to(device))
    with torch.inference_mode():
        answers: Tensor = network(values).squeeze(0)
    stride = _stride(network, (channels, size, size))
    rows, columns = ((side - size) // stride + 1 for side in pixels.shape[:2])
    answers = answers[:, :rows, :columns]  # drop incomplete windows
    found = model.task.decode(answers.flatten(1).T).T.reshape(-1, rows, columns)
    return SlidingWindowResult(found.cpu().numpy(), model.class_names, stride, (size, size))


def make_convolutional(network: nn.Module, window: Sequence[int]) -> nn.Module:
    """Return a fully convolutional copy of a classifier, with logits for every window.

    (N, C, H, W) -> logits (N, classes, rows, columns); a window is (C, h, w). Dense layers become
    convolutions with the same weights (Sermanet et al. 2014, OverFeat, section 3.5,
    https://arxiv.org/abs/1312.6229), global average pooling becomes average pooling over a window.
    Without padding each output equals the classifier's on that window; with padding, zeros surround
    the whole image instead of each window.

    Raises OptionError for a network that flattens or averages outside of a module.
    """
    slid = copy.deepcopy(network).eval()
    device = next(network.parameters()).device
    sample = torch.rand((1, *window), generator=torch.Generator().manual_seed(0)).to(device)
    with torch.inference_mode():
        expected: Tensor = copy.deepcopy(slid)(sample)
    grid: Sequence[int] = ()
    for name, module, shape in _seen(slid, sample):
        if isinstance(module, nn.Flatten):
            grid, new = shape[1:], nn.Identity()
        elif isinstance(module, nn.AdaptiveAvgPool2d):
            new = _average(module, shape[2:])
        else:
            new, grid = _convolution(cast("nn.Linear", module), grid), ()
        slid.set_submodule(name, new)
    if not _alike(slid, sample, expected):
        raise OptionError(
            f"{type(network).__name__} cannot be slid over an image: with convolutions in place "
            "of its dense layers it does not give the same answers; it must flatten and average in "
            "modules, and only at its end"
        )
    return slid


def _alike(slid: nn.Module, sample: Tensor, expected: Tensor) -> bool:
    """Whether one window gives the expected logits, and a larger image several positions."""
    with torch.inference_mode():
        try:
            came: Tensor = slid(sample)
            larger: Tensor = slid(sample.repeat(1, 1, 2, 2))
        except RuntimeError:  # mismatched shapes
            return False
    same = torch.allclose(came.flatten(1), expected, rtol=1e-3, atol=1e-4)
    return same and min(larger.shape[2:]) > 1


def _seen(network: nn.Module, sample: Tensor) -> list[tuple[str, nn.Module, tuple[int, ...]]]:
    """Return (name, module, input shape) of the size-dependent modules in execution order."""
    seen = dict[str, tuple[str, nn.Module, tuple[int, ...]]]()
    hooks = list[Any]()
    for name, module in network.named_modules():
        if isinstance(module, nn.Flatten | nn.Linear | nn.AdaptiveAvgPool2d):

            def note(module: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                seen.setdefault(name, (name, module, tuple(inputs[0].shape)))

            hooks.append(module.register_forward_pre_hook(note))
    with torch.inference_mode():
        network(sample)
    for hook in hooks:
        hook.remove()
    return list(seen.values())


def _convolution(dense: nn.Linear, grid: Sequence[int]) -> nn.Conv2d:
    """Convert a dense layer on a flattened (C, h, w) input to a convolution."""
    channels, high, wide = grid or (dense.in_features, 1, 1)
    conv = nn.Conv2d(channels, dense.out_features, (high, wide))
    conv.weight = nn.Parameter(dense.weight.detach().reshape(conv.weight.shape))
    conv.bias = dense.bias
    return conv


def _average(pool: nn.AdaptiveAvgPool2d, sides: Sequence[int]) -> nn.Module:
    """Return average pooling with the equivalent window; Identity if the size is unchanged."""
    wanted = pool.output_size
    pair = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    high, wide = sides
    if (high, wide) == pair:
        return nn.Identity()
    return nn.AvgPool2d((high, wide), stride=1) if pair == (1, 1) else pool


def _stride(network: nn.Module, window: Sequence[int]) -> int:
    """Return the stride between neighboring windows in pixels, equal on both axes."""
    jump = summarize(network, window, type(network).__name__).layers[-1].jump
    if jump is None or len(set(jump)) > 1 or not jump[0]:
        raise OptionError(
            f"{type(network).__name__} cannot be slid over an image: it has layers, such as "
            "squeeze and excitation, that see the whole image before its end"
        )
    return int(jump[0])
