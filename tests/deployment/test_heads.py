"""Models of every head are one graph, whose answers are those of the model, for any batch."""

import numpy as np
import pytest
import torch
from PIL import Image

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.deployment.body import trace_body
from striate.deployment.onnx_export import TARGETS
from striate.deployment.restoring import find_restoring
from striate.deployment.target import Contents
from striate.errors import ModelError
from striate.hardware import to_device
from striate.model import Model
from striate.prediction.full_size import choose_whole
from striate.tasks import find_task
from striate.zoo.spec import NetworkSpec

NAMES = ("cat", "dog", "owl")
#: task -> kind of its targets, network, size
HEADS = {
    "classification": ("label", "lenet5", 32),
    "multilabel": ("labels", "resnet20", 32),
    "regression": ("numbers", "lenet5", 32),
    "segmentation": ("mask", "unet(width=4)", 48),
    "detection": ("boxes", "regions:resnet20", 64),
    "embedding": ("open", "cosine:lenet5", 32),
    "anomaly": ("open", "patches:resnet20", 64),
    "denoising": ("image", "dncnn(width=4, depth=3)", 32),
    "colorization": ("image", "unet(width=4)", 32),
    "super_resolution": ("image", "edsr(width=4, blocks=1)", 32),
    "autoencoder": ("image", "compressive_autoencoder(widths=(4, 8, 8), code=4, depth=1)", 32),
}


def made(name):
    kind, network, size = HEADS[name]
    task = find_task(name)(TargetSpec(kind, NAMES if kind != "image" else ()))
    if kind == "image":
        task = task.seeing(3)
    view = Preprocess(size, 3, "letterbox", (0.4,) * 3, (0.3,) * 3)
    spec = NetworkSpec.of(network)
    torch.manual_seed(0)
    built = spec.build(
        classes=task.outputs, channels=task.input_channels(3), size=size // task.scale
    )
    return Model(to_device(built, "cpu").eval(), spec, task, view, SplitFractions(0.2, 0.2))


def assert_answers(model, exported):
    """For batches of several lengths and images of several sizes."""
    random = np.random.default_rng(0)
    size = model.preprocess.size
    restored = find_restoring(model.task.head) is not None
    for count, high, wide in ((1, size, size), (3, 40, 57), (2, 90, 35)):
        small = random.integers(0, 256, (count, 5, 7, 3), dtype=np.uint8)
        given = [Image.fromarray(each).resize((wide, high), 2) for each in small]
        found = exported.run(np.stack([np.asarray(each) for each in given]))[0]
        if model.task.own_size:
            wanted = [choose_whole(model).decode(np.asarray(each)) for each in given]
        else:
            rows = np.stack([model.preprocess.to_array(each) for each in given])
            wanted = model.decode(rows)
        if restored:
            wanted = [model.task.restore(each, model.preprocess, (wide, high)) for each in wanted]
        assert found.shape == np.stack(wanted).shape
        np.testing.assert_allclose(found, np.stack(wanted), rtol=1e-4, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_model_is_one_graph_that_answers_the_same(name, tmp_path):
    model = made(name)
    body = trace_body(model)
    for target in (TARGETS["onnx"], TARGETS["openvino"]):
        if "Loop" in {node.op_type for node in body.graph.node} and target.package == "openvino":
            with pytest.raises(ModelError, match=r"because of head\.proposals: OpenVINO cannot be"):
                target.write(tmp_path, Contents(body, model))
            continue
        target.write(tmp_path, Contents(body, model))
        assert_answers(model, target.open(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_model_is_one_program_of_pytorch_that_answers_the_same(name, tmp_path):
    model, target = made(name), TARGETS["pt2"]
    target.write(tmp_path, Contents(target.trace(model), model))
    assert_answers(model, target.open(tmp_path))
