"""Preprocessing that published weights expect."""

from __future__ import annotations

from dataclasses import dataclass

from striate.zoo.pretrained.libraries import import_library
from striate.zoo.pretrained.sources import find_counterpart

_HALVES = (0.5, 0.5, 0.5)
#: pixels: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
_PACKAGE_SIZES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}


@dataclass(frozen=True)
class PretrainedInput:
    """Preprocessing: pixels from 0 to 1, minus `mean`, over `std`, at `size` x `size`."""

    mean: tuple[float, ...]  #: of each channel
    std: tuple[float, ...]  #: of each channel
    size: int  #: side in pixels
    interpolation: str  #: bilinear or bicubic


def expected_input(name: str, source: str) -> PretrainedInput:
    """Return the preprocessing that the weights of a network from a source expect.

    As configured in the library, except for two torchvision networks that renormalize inside
    `forward`: ours do not, so it is the input of their first layer. Raises OptionError.
    """
    peer = find_counterpart(name, source)
    purpose = f"what weights from {source} expect"
    if source == "package":
        return PretrainedInput(_HALVES, _HALVES, _PACKAGE_SIZES[name], "bicubic")
    if source == "timm":
        told = import_library("timm", purpose).get_pretrained_cfg(peer.name)
        size = told.input_size[1]
        return PretrainedInput(tuple(told.mean), tuple(told.std), size, told.interpolation)
    weights = import_library("torchvision.models", purpose).get_model_weights(peer.name).DEFAULT
    told = weights.transforms()
    mean, std = (_HALVES, _HALVES) if peer.centered else (tuple(told.mean), tuple(told.std))
    return PretrainedInput(mean, std, told.crop_size[0], told.interpolation.value)
