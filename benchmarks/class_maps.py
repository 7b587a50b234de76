"""What do class maps cost beyond the forward passes, and what in Captum and pytorch-grad-cam?

    python benchmarks/class_maps.py [--images 100] [--batch 32] [--side 224] [--network resnet18]
                                    [--rounds 5] [--save]

Images of noise, a network with random weights: neither changes the work. Every contender makes
Grad-CAM of the same classes at the same layer, in batches of one size, in turns; the first pass is
not counted. `cam` is ours where the head answers with means, which needs no gradient. Peers that
are not installed are left out (`pip install captum grad-cam`). Prints one JSON line: seconds of
each round, and those of all processors, the share of our maps that is above 0, and the largest
difference of the peers' maps from ours, each on the scale from 0 to 1. --save appends it to
results/class_maps.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import importlib.util
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from machines import keep, machine
from torch import Tensor, nn

import striate
from striate import zoo
from striate.data.listing.target_spec import TargetSpec
from striate.hardware import to_device
from striate.look.class_maps import make_class_maps
from striate.look.map_layer import MapLayer, find_map_layer
from striate.tasks import bind_task

CLASSES = 10
PEERS = {"captum": "captum", "grad-cam": "pytorch_grad_cam"}  #: distribution -> module
Maker = Callable[[Tensor], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, value in (("images", 100), ("batch", 32), ("side", 224), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    line = json.dumps(measure(asked))
    print(line, flush=True)
    if asked.save:
        keep("class_maps", line)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time every contender in turns, and compare their maps."""
    torch.manual_seed(0)
    network = zoo.build(asked.network, channels=3, classes=CLASSES)
    network = to_device(network, "cpu").eval()
    images = torch.randn(asked.images, 3, asked.side, asked.side)
    images = images.to(memory_format=torch.channels_last)
    layer = find_map_layer(network, images[:1])
    assert layer is not None
    batches = images.split(asked.batch)
    with torch.inference_mode():  # a class whose maps have something above 0
        column = int(network(batches[0]).mean(dim=0).argmax())
    _operators = define_operators()
    contenders = make_contenders(network, layer, column)
    maps = {name: make(batches[0]) for name, make in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    processor: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(asked.rounds):
        for name, make in contenders.items():
            began = time.perf_counter(), time.process_time()
            for batch in batches:
                make(batch)
            seconds[name].append(round(time.perf_counter() - began[0], 3))
            processor[name].append(round(time.process_time() - began[1], 3))
    installed = [name for name, module in PEERS.items() if importlib.util.find_spec(module)]
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": f"{asked.network}, {asked.images} images of {asked.side}x{asked.side}, batches of "
        f"{asked.batch}",
        "layer": layer.name,
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "versions": {
            "striate": striate.__version__,
            "torch": torch.__version__,
            **{name: importlib.metadata.version(name) for name in installed},
        },
        "seconds": seconds,
        "processor_seconds": processor,
        "above_0": round(float((maps["striate"] > 0).mean()), 3),
        "largest_difference": {name: differ(maps[name], maps["striate"]) for name in installed},
    }


def define_operators() -> torch.library.Library | None:
    """Let torchvision be imported where its binary part does not fit this PyTorch.

    Neither networks nor pictures need that part. What is defined is there while the answer lives.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library
    except ModuleNotFoundError:
        pass
    return None


def make_contenders(network: nn.Module, layer: MapLayer, column: int) -> dict[str, Maker]:
    """Return what makes maps (N, h, w) of a batch, by name; `forward` makes none."""
    task = bind_task(None, TargetSpec("label", tuple(map(str, range(CLASSES))), {}))
    gradient = replace(layer, head=None)

    @torch.inference_mode()
    def forward(batch: Tensor) -> Tensor:
        return network(batch)

    def ours(batch: Tensor, at: MapLayer = gradient) -> Any:
        found = make_class_maps(network, batch, task, at, column, batch=len(batch))
        return np.maximum(found.maps, 0)

    made: dict[str, Maker] = {"forward": forward, "striate": ours}
    if layer.head:
        made["cam"] = lambda batch: ours(batch, layer)
    module = network.get_submodule(layer.name)
    if importlib.util.find_spec(PEERS["captum"]):
        made["captum"] = captum_maps(network, module, column)
    if importlib.util.find_spec(PEERS["grad-cam"]):
        made["grad-cam"] = grad_cam_maps(network, module, column)
    return made


def captum_maps(network: nn.Module, module: nn.Module, column: int) -> Maker:
    from captum.attr import LayerGradCam

    method = LayerGradCam(network, module)
    return lambda batch: (
        method.attribute(batch, target=column, relu_attributions=True)[:, 0].detach().numpy()
    )


def grad_cam_maps(network: nn.Module, module: nn.Module, column: int) -> Maker:
    """Its maps come enlarged and scaled to 1 at most, so they are compared at that scale."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    method = GradCAM(model=network, target_layers=[module])
    targets = [ClassifierOutputTarget(column)]
    return lambda batch: method(input_tensor=batch, targets=targets * len(batch))


def differ(maps: Any, ours: Any) -> float:
    """Return the largest difference of maps, each on the scale from 0 to 1.

    Maps that came enlarged are compared with ours enlarged as they are: by OpenCV, scaled anew.
    """
    import cv2

    if maps.shape != ours.shape:
        side = maps.shape[2], maps.shape[1]
        ours = np.stack([scale(cv2.resize(scale(each), side)) for each in ours])
        return float(np.abs(maps - ours).max())
    return float(max(np.abs(scale(a) - scale(b)).max() for a, b in zip(maps, ours, strict=True)))


def scale(values: Any) -> Any:
    return (values - values.min()) / (values.max() - values.min() + 1e-7)


if __name__ == "__main__":
    main()
