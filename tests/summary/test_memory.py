"""The most memory that a network holds: by hand, and as torch's profiler sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode

from striate import zoo
from striate.cli import main
from striate.errors import OptionError
from striate.layers import WithAuxHeads, chain, meta_init
from striate.summary.backward_shapes import infer_training_shape
from striate.summary.memory import Memory, estimate_memory

IMAGE, FOUR, FIVE = (4 * 2 * channels * 8 * 8 for channels in (3, 4, 5))  # bytes of two, 8x8
SCALAR = 4


def two_convolutions() -> nn.Module:
    return chain(one=nn.Conv2d(3, 4, 3, padding=1), relu=nn.ReLU(), head=nn.Conv2d(4, 5, 1))


def test_two_convolutions_are_as_by_hand() -> None:
    told = estimate_memory(two_convolutions(), (3, 8, 8), 2)
    assert told.weights == 4 * (4 * 27 + 4 + 5 * 4 + 5)
    assert told.inference == IMAGE + FOUR + FIVE  # in the head: its input and its output
    # the image and the head's input are kept, the loop holds the output and the loss
    held = IMAGE + FOUR + FIVE + SCALAR
    softmax = FIVE + FIVE  # its output and the gradient of its input
    head = FIVE + FOUR + 4 * (5 * 4 + 5)  # gradients of its output, input and weights
    assert told.training == held + SCALAR + max(softmax, head)


@pytest.mark.parametrize(("in_place", "activations"), [(False, 2 * FOUR), (True, FOUR)])
def test_what_is_done_in_place_takes_nothing(in_place: bool, activations: int) -> None:
    network = chain(head=nn.Conv2d(3, 4, 1), relu=nn.ReLU(in_place))
    assert estimate_memory(network, (3, 8, 8), 2).inference == IMAGE + activations


def test_a_view_takes_nothing() -> None:
    network = chain(head=nn.Conv2d(3, 4, 1), flat=nn.Flatten())
    assert estimate_memory(network, (3, 8, 8), 2).inference == IMAGE + FOUR


def test_a_residual_sum_holds_both_of_its_inputs() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.branch = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return x + self.branch(x)

    assert estimate_memory(Sum(), (3, 8, 8), 2).inference == IMAGE + 3 * FOUR


def test_frozen_weights_need_no_gradients_and_keep_no_activations() -> None:
    network = chain(
        one=nn.Conv2d(3, 4, 1), relu=nn.ReLU(), flat=nn.Flatten(), head=nn.Linear(256, 5)
    )
    whole = estimate_memory(network, (3, 8, 8), 2).training
    network.get_submodule("one").requires_grad_(False)
    part = estimate_memory(network, (3, 8, 8), 2).training
    network.requires_grad_(False)
    none = estimate_memory(network, (3, 8, 8), 2).training
    assert whole is not None
    assert part is not None
    logits, weights = 4 * 2 * 5, 4 * (256 * 5 + 5)
    held = IMAGE + FOUR + logits + 2 * SCALAR
    assert whole == held + weights + 2 * FOUR  # gradients of the ReLU's output and input
    assert part == held + weights + logits  # those of the head's weights and output
    assert none == IMAGE + 2 * FOUR


def test_auxiliary_heads_take_memory_in_training_alone() -> None:
    def network(*taps: str) -> nn.Module:
        heads = {tap: chain(flat=nn.Flatten(), dense=nn.Linear(4 * 8 * 8, 5)) for tap in taps}
        stages = {
            "stem": nn.Conv2d(3, 4, 1),
            "head": chain(flat=nn.Flatten(), dense=nn.Linear(256, 5)),
        }
        return WithAuxHeads(stages, heads, weight=0.3)

    plain, tapped = (estimate_memory(network(*taps), (3, 8, 8), 2) for taps in ((), ("stem",)))
    assert plain.inference == tapped.inference
    assert plain.training is not None
    assert tapped.training is not None
    assert tapped.training > plain.training + 4 * 256 * 5


def everything() -> nn.Module:
    """Norms, pools, dropout and activations of many kinds, in convolutions and dense layers."""
    return chain(
        stem=nn.Conv2d(3, 32, 3, padding=1, bias=False),
        norm1=nn.BatchNorm2d(32),
        relu=nn.ReLU(),
        pool=nn.MaxPool2d(2),
        drop=nn.Dropout2d(0.2),
        deep=nn.Conv2d(32, 32, 3, padding=1, groups=2),
        norm2=nn.GroupNorm(4, 32),
        act=nn.Hardswish(),
        up=nn.Upsample(scale_factor=2, mode="bilinear"),
        last=nn.Conv2d(32, 64, 3, stride=2),
        clip=nn.ReLU6(),
        mean=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(),
        norm3=nn.LayerNorm(64),
        head=nn.Linear(64, 10),
    )


def taken(network: nn.Module, shape: Sequence[int], *, training: bool) -> int:
    """What torch's profiler sees on the CPU, channels last."""
    network = network.to(memory_format=torch.channels_last).train(training)  # type: ignore[call-overload]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watch:
        images = torch.empty(tuple(shape), memory_format=torch.channels_last).normal_()
        with torch.set_grad_enabled(training):
            outputs = network(images)
            if training:
                F.cross_entropy(outputs, torch.zeros(len(outputs), dtype=torch.int64)).backward()
    events = watch.profiler.kineto_results.events()
    changes = [(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"]
    total = most = 0
    for _, change in sorted(changes, key=lambda pair: pair[0]):
        total += change
        most = max(most, total)
    return most


@pytest.mark.parametrize("name", ["resnet20", "everything"])
def test_the_peak_is_what_torch_takes(name: str) -> None:
    network = everything() if name == "everything" else zoo.build(name)
    told = estimate_memory(network, (3, 32, 32), 4)
    assert told.inference == pytest.approx(taken(network, (4, 3, 32, 32), training=False), rel=0.1)
    assert told.training == pytest.approx(taken(network, (4, 3, 32, 32), training=True), rel=0.15)


def test_the_network_stays_as_it_is() -> None:
    network = everything()
    network.get_submodule("norm1").eval()
    network.get_submodule("stem").requires_grad_(False)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    estimate_memory(network, (3, 16, 16), 2)
    assert [module.training for module in network.modules()] == modes
    for key, tensor in network.state_dict(keep_vars=True).items():
        assert torch.equal(tensor, before[key])
        assert tensor.device.type == "cpu"
        assert tensor.grad is None


def test_a_batch_that_cannot_be_trained_says_why() -> None:
    network = chain(head=nn.Conv2d(3, 4, 8), norm=nn.BatchNorm2d(4))
    told = estimate_memory(network, (3, 8, 8), 1)
    assert told.training is None
    assert str(told) == (
        "memory at batch 1: inference 800 B, training ? beyond weights of 3.16 kB (it cannot be "
        "trained so: Expected more than 1 value per channel when training, got input size "
        "torch.Size([1, 4, 1, 1]))"
    )
    assert estimate_memory(network, (3, 8, 8), 2).training is not None


class Stubborn(torch.autograd.Function):
    """It has no way back."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        raise NotImplementedError("no way back")


def test_where_the_backward_pass_is_impossible_an_estimate_says_so() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Stubborn.apply(x)

    told = estimate_memory(chain(head=nn.Conv2d(3, 4, 1), twice=Twice()), (3, 8, 8), 2)
    assert told.remark == "an estimate: no backward pass, since no way back"
    # the image and the softmax are kept, the output and the loss held; two gradients beside them
    assert told.training == IMAGE + FOUR + FOUR + SCALAR + 2 * FOUR + 4 * (4 * 3 + 4)


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(OptionError) as caught:
        estimate_memory(two_convolutions(), (1, 8, 8), 2)
    assert str(caught.value) == (
        "the network cannot take 2 images of 1x8x8: it takes 3 channels, but 1 came"
    )


class Compare(TorchDispatchMode):
    """Runs operations on the CPU and compares the shapes that are told of their outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.compared = set[str]()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        values = {argument.name: argument.default_value for argument in func._schema.arguments}
        values |= dict(zip(values, args, strict=False)) | (kwargs or {})
        told = infer_training_shape(
            func, tree.tree_map_only(Tensor, lambda x: x.to("meta"), values)
        )
        if told is not None:
            name = func.overloadpacket.__name__
            self.compared.add(name)
            for one, two in zip(tree.tree_leaves(told), tree.tree_leaves(output), strict=True):
                if one is not None or (two is not None and two.numel()):
                    assert one.shape == two.shape, name
                    assert one.dtype == two.dtype, name
        return output


def test_the_shapes_of_gradients_are_those_of_torch() -> None:
    x = torch.randn(2, 4, 6, 6, requires_grad=True)
    results = [
        everything().train()(torch.randn(3, 3, 16, 16)),
        F.interpolate(x, scale_factor=2),
        F.interpolate(x, size=(5, 9), mode="bicubic"),
        F.avg_pool2d(x, 3, 2),
        F.avg_pool3d(x[:, None], (3, 1, 1)),
        F.adaptive_avg_pool2d(x, (2, 3)),
        F.elu(F.leaky_relu(x)),
        x.softmax(1),
        F.pad(x, (1, 2, 0, 3))[:, 1:3],
        x.select(2, 3),
        x.unfold(2, 3, 2),
        torch.where(x > x.mean(1, keepdim=True), x, -x),
        x.sum((2, 3), keepdim=True),
        x.sum(1),
        torch.zeros_like(x) * x,
    ]
    with Compare() as compare:
        for result in [*results, *torch.ones(1, 4, 6, 6).mul(x).split(2, 1)]:
            result.log_softmax(1).sum().backward(retain_graph=True)
        _ = x.ge(0.5), torch.where(x < x, x, x), x.sum((2, 3), keepdim=True)
        _ = torch.ones_like(x), torch.empty_like(x, dtype=torch.int64), torch.zeros_like(x)
        F.interpolate(x, scale_factor=2), F.interpolate(x, size=(5, 9), mode="bilinear")
        F.group_norm(F.adaptive_avg_pool2d(x, (2, 3)), 2), F.layer_norm(x, (6, 6)), x.softmax(1)
    from striate.summary.backward_shapes import _SHAPES

    unseen = set(_SHAPES) - compare.compared
    assert unseen == {"eq", "ne", "le", "gt", "upsample_bicubic2d"}


def test_no_compiler_is_loaded_to_tell() -> None:
    code = (
        "import sys; from striate import verbs; print(verbs.memory('vgg16', batch=8)); "
        "[verbs.describe(name) for name in ('mlp', 'locally_connected', 'lenet5_1998', 'alexnet', "
        "'mobilenet_v3_small', 'efficientnet_lite0', 'conv_autoencoder', 'fcn8s')]; "
        "print({'sympy', 'torch._dynamo'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "memory at batch 8: inference 210 MB, training 1.11 GB beyond weights of 553 MB",
        "set()",
    ]


def test_describe_tells_the_memory_at_a_batch(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["describe", "lenet5", "--batch", "8"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "",
        "memory at batch 8: inference 334 kB, training 731 kB beyond weights of 247 kB",
    ]
    assert main(["describe", "lenet5", "--batch", "8", "--out", str(tmp_path / "a.md")]) == 0
    assert capsys.readouterr().out == (
        "memory at batch 8: inference 334 kB, training 731 kB beyond weights of 247 kB\n"
    )
    assert main(["describe", "lenet5", "--batch", "8", "--json"]) == 0
    with meta_init():
        told = estimate_memory(zoo.build("lenet5"), (1, 32, 32), 8)
    assert Memory(**json.loads(capsys.readouterr().out)["memory"]) == told
