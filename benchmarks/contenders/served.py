"""What the servers of peers have in common: the network, and an image made its input."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from striate import zoo


def load(weights: str, network: str) -> nn.Module:
    """The same network in plain eager PyTorch, with the weights of the model file."""
    made = zoo.build(network, channels=3, classes=10).eval()
    made.load_state_dict(load_file(weights))
    return made


def prepare(content: bytes, side: int) -> Tensor:
    """As torchvision's Resize, CenterCrop, ToTensor and Normalize do it of an image of Pillow's."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    scale = side / min(image.size)
    image = image.resize(
        [round(scale * length) for length in image.size], Image.Resampling.BILINEAR
    )
    left, top = ((length - side) // 2 for length in image.size)
    pixels = np.asarray(image.crop((left, top, left + side, top + side)))
    values = torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous().float().div(255)
    return values.sub_(0.5).div_(0.25)
