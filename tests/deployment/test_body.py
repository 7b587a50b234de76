"""What cannot be a graph is named, with its layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.deployment.body import trace_body
from striate.deployment.onnx_export import TARGETS
from striate.deployment.proof import Found, compare
from striate.deployment.target import Contents
from striate.errors import ModelError
from striate.model import Model
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec


class Bessel(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


class Determinant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.det(x[:, :, :2, :2])[:, :, None, None]


class Undecided(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Net(nn.Module):
    def __init__(self, odd: nn.Module) -> None:
        super().__init__()
        self.stages = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(), odd))
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(x).mean((2, 3)))


def model_of(network: nn.Module, kind: str = "label") -> Model:
    task = bind_task(None, TargetSpec(kind, ("cat", "dog")))
    view = Preprocess(8, 3, "letterbox", (0.4,) * 3, (0.3,) * 3)
    spec = NetworkSpec.of(lambda **_: network)
    return Model(network.eval(), spec, task, view, SplitFractions(0.2, 0.2))


def test_an_operator_that_onnx_lacks_is_named_with_its_layer() -> None:
    with pytest.raises(ModelError) as refused:
        trace_body(model_of(Net(Bessel())))
    assert str(refused.value) == (
        "<lambda> cannot be exported because of stages.1.1: No ONNX function found for "
        "<OpOverload(op='prims.bessel_j0', overload='default')>. Failure message: No "
        "decompositions registered for the real-valued input\n"
        "a network of your own must be made of operators that ONNX knows"
    )


def test_an_operator_that_openvino_lacks_is_named_with_its_layer(tmp_path: Path) -> None:
    model, target = model_of(Net(Determinant())), TARGETS["openvino"]
    with pytest.raises(ModelError) as refused:
        target.write(tmp_path, Contents(target.trace(model), model))
    assert str(refused.value) == (
        "<lambda> cannot be exported because of stages.1.1: OpenVINO cannot be given the operator "
        "Det\n"
        "write it with --to onnx, which onnxruntime runs, or --to pt2"
    )


def test_a_branch_on_what_is_computed_is_named_with_its_layer() -> None:
    with pytest.raises(ModelError) as refused:
        trace_body(model_of(Net(Undecided())))
    assert str(refused.value) == (
        "<lambda> cannot be exported because of stages.1.1: Could not guard on data-dependent "
        "expression Eq(u0, 1) (unhinted: Eq(u0, 1)).  (Size-like symbols: none)\n"
        "a network of your own must be made of operators that torch.export knows"
    )


def test_probabilities_of_several_labels_may_differ_by_rounding() -> None:
    model = model_of(Net(nn.Identity()), kind="labels")
    wanted = np.array([0.9, 0.8], np.float32)
    others = wanted + 2e-6, np.array([0.9, 0.4], np.float32)
    pairs = [(name, Found(wanted), Found(other)) for name, other in zip("ab", others, strict=True)]
    assert compare(model, pairs).different == ("b",)
