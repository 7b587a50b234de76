"""The Inception networks: counts and volumes of the papers, parity with torchvision and timm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate import zoo
from striate.layers import AuxOutputs, WithAuxHeads, meta_init
from striate.tasks.classification import task as classification
from striate.zoo import CARDS
from striate.zoo.pages import googlenet, inception_resnet, inception_v2, inception_v3, inception_v4
from tests.zoo import peers
from tests.zoo.test_zoo import on_meta, params, seeded, table, volumes

PAGES = (googlenet, inception_v2, inception_v3, inception_v4, inception_resnet)
NAMES = [card.name for page in PAGES for card in page.CARDS]
TAPPED = {"googlenet": 0.3, "googlenet_bn": 0.3, "inception_v3": 0.4}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Hundreds of small layers: on a busy machine threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("page", "name"), [(page, card.name) for page in PAGES for card in page.CARDS]
)
def test_the_table_of_a_page_is_true(page: ModuleType, name: str) -> None:
    _, *rows = table(page)
    told = {stage: volume for stage, _, volume in rows}
    built = {stage: volume for stage, (volume, _) in volumes(CARDS[name]).items()}
    assert built.pop("head") == "1000"
    assert told.pop("head") == "classes"
    assert told == built


@pytest.mark.parametrize(
    ("name", "count"),
    [("googlenet", 6_998_552), ("googlenet_bn", 6_624_904), ("inception_v3", 23_834_568)],
)
def test_without_auxiliary_heads_there_are_fewer_parameters(name: str, count: int) -> None:
    without = on_meta(name, auxiliary=False)
    assert params(without) == count
    state = on_meta(name).state_dict()
    kept = {path: tensor.shape for path, tensor in state.items() if "auxiliary." not in path}
    assert {path: tensor.shape for path, tensor in without.state_dict().items()} == kept
    assert len(kept) < len(state)


def test_googlenets_modules_have_nearly_the_weights_of_table_1() -> None:
    """The column "params", in units of 1024, without biases; the table's widths make others."""
    thousands = {"3a": 159, "3b": 380, "4a": 364, "4b": 437, "4c": 463, "4d": 580, "4e": 840,
                 "5a": 1072, "5b": 1388}  # fmt: skip
    network = on_meta("googlenet")
    for name, told in thousands.items():
        module = network.get_submodule(f"inception{name}")
        count = sum(weight.numel() for weight in module.parameters() if weight.ndim == 4)
        assert count / 1024 == pytest.approx(told, rel=0.08), name


def test_inception_v2_has_the_widths_of_figure_5() -> None:
    """Kernels, scales and shifts, counted from the figure (pooled paths of 4c, 4d: from 576)."""
    figure = [
        (192, 64, 64, 64, 64, 96, 32), (256, 64, 64, 96, 64, 96, 64),
        (320, 0, 128, 160, 64, 96, 0), (576, 224, 64, 96, 96, 128, 128),
        (576, 192, 96, 128, 96, 128, 128), (576, 160, 128, 160, 128, 160, 576 - 3 * 160),
        (576, 96, 128, 192, 160, 192, 576 - 96 - 2 * 192), (576, 0, 128, 192, 192, 256, 0),
        (1024, 352, 192, 320, 160, 224, 128), (1024, 352, 192, 320, 192, 224, 128),
    ]  # fmt: skip
    count = 7 * 7 * 24 + 24 * 64 + 2 * 64 + 64 * 64 + 2 * 64 + 9 * 64 * 192 + 2 * 192
    for inputs, one, before, three, narrow, wide, pooled in figure:
        count += inputs * (one + before + narrow + pooled)
        count += 9 * (before * three + narrow * wide + wide * wide)
        count += 2 * (one + before + three + narrow + wide + wide + pooled)
    assert count + 1024 * 1000 + 1000 == CARDS["inception_v2"].params


@pytest.mark.parametrize("name", TAPPED)
def test_while_training_auxiliary_heads_are_heard_with_their_weight(name: str) -> None:
    network = seeded(name, classes=5).train()
    side = CARDS[name].smallest
    outputs = network(torch.randn(3, 3, side, side))
    assert isinstance(outputs, AuxOutputs)
    assert len(outputs.auxiliary) == (1 if name == "inception_v3" else 2)
    assert {x.shape for x in (outputs.logits, *outputs.auxiliary)} == {(3, 5)}
    labels = torch.tensor([4, 0, 2])
    expected = F.cross_entropy(outputs.logits, labels)
    for logits in outputs.auxiliary:
        expected = expected + TAPPED[name] * F.cross_entropy(logits, labels)
    assert classification.loss(outputs, labels).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("name", TAPPED)
def test_in_evaluation_auxiliary_heads_are_not_there(name: str) -> None:
    network = seeded(name, classes=5).eval()
    assert isinstance(network, WithAuxHeads)
    side = CARDS[name].smallest
    x = torch.randn(3, 3, side, side)
    with torch.inference_mode():
        logits = network(x)
        network.auxiliary = nn.ModuleDict()
        assert network(x).equal(logits)
        shorter = zoo.build(name, classes=5, auxiliary=False).eval()
        shorter.load_state_dict(network.state_dict())
        assert shorter(x).equal(logits)
        assert isinstance(shorter.train()(x), Tensor)


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_network_neither_explodes_nor_dies_and_all_of_it_learns(name: str) -> None:
    network = seeded(name, classes=50).train()
    side = max(CARDS[name].smallest, 32)
    outputs = network(torch.randn(3, 3, side, side))
    logits, others = (outputs.logits, outputs.auxiliary) if name in TAPPED else (outputs, ())
    for answers in (logits, *others):
        assert 0.02 < answers.std().item() < 3
    classification.loss(outputs, torch.tensor([0, 1, 2])).backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        assert parameter.grad.any(), path


@pytest.mark.parametrize("name", ["googlenet", "inception_v2", "inception_v3"])
def test_a_network_can_be_exported(name: str) -> None:
    network = seeded(name, classes=3).eval()
    side = CARDS[name].smallest + 8
    batch = torch.export.Dim("batch", min=1, max=64)
    x, other = torch.randn(2, 3, side, side), torch.randn(5, 3, side, side)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
    assert program.module()(other).allclose(network(other), atol=1e-5)


def test_the_seed_alone_decides_the_first_weights() -> None:
    for name in ("googlenet", "inception_v2"):
        first, same, other = seeded(name), seeded(name), seeded(name, seed=6)
        pairs = zip(first.parameters(), same.parameters(), strict=True)
        assert all(one.equal(two) for one, two in pairs)
        assert not next(first.parameters()).equal(next(other.parameters()))


def convolved(state: Iterator[Tensor], x: Tensor, stride: int = 1) -> Tensor:
    """Convolution with bias and relu, from the next two tensors."""
    weight, bias = next(state), next(state)
    return F.conv2d(x, weight, bias, stride, padding=weight.shape[-1] // 2).relu()


def normalized(state: Iterator[Tensor], x: Tensor, stride: int = 1) -> Tensor:
    """Convolution, batch norm and relu, from the next six tensors."""
    weight, scale, shift, mean, variance, _ = (next(state) for _ in range(6))
    x = F.conv2d(x, weight, None, stride, padding=weight.shape[-1] // 2)
    return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3).relu()


def held_down(x: Tensor) -> Tensor:
    """The response norm of Krizhevsky et al. 2012, section 3.3, in a loop over channels."""
    sums = [x[:, max(c - 2, 0) : c + 3].square().sum(dim=1) for c in range(x.shape[1])]
    return x / (2 + 1e-4 * torch.stack(sums, dim=1)) ** 0.75


@torch.no_grad()
def test_googlenet_computes_table_1() -> None:
    network = peers.shaken(seeded("googlenet", classes=7, auxiliary=False))
    state = iter(network.state_dict().values())
    image = x = torch.randn(2, 3, 64, 48)
    x = held_down(F.max_pool2d(convolved(state, x, stride=2), 3, 2, ceil_mode=True))
    x = held_down(convolved(state, convolved(state, x)))
    x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    for name in "abMabcdeMab":
        if name == "M":
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            continue
        one = convolved(state, x)
        three = convolved(state, convolved(state, x))
        five = convolved(state, convolved(state, x))
        pooled = convolved(state, F.max_pool2d(x, 3, 1, padding=1))
        x = torch.cat([one, three, five, pooled], dim=1)
    logits = F.linear(x.mean(dim=(2, 3)), next(state), next(state))
    assert next(state, None) is None
    torch.testing.assert_close(network(image), logits, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_inception_v2_computes_figure_5() -> None:
    network = peers.shaken(seeded("inception_v2", classes=7))
    state = iter(network.state_dict().values())
    image = x = torch.randn(2, 3, 64, 48)
    x = normalized(state, F.conv2d(x, next(state), None, 2, padding=3, groups=3))
    x = normalized(state, normalized(state, F.max_pool2d(x, 3, 2, padding=1)))
    x = F.max_pool2d(x, 3, 2, padding=1)
    for name in ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        paths, stride = [], 2 if name in ("3c", "4e") else 1
        if stride == 1:
            paths.append(normalized(state, x))
        paths.append(normalized(state, normalized(state, x), stride))
        paths.append(normalized(state, normalized(state, normalized(state, x)), stride))
        inside = F.avg_pool2d(torch.ones_like(x), 3, 1, padding=1)
        pooled = F.avg_pool2d(x, 3, 1, padding=1) / inside
        if stride == 2 or name == "5b":
            pooled = F.max_pool2d(x, 3, stride, padding=1)
        paths.append(pooled if stride == 2 else normalized(state, pooled))
        x = torch.cat(paths, dim=1)
    logits = F.linear(x.mean(dim=(2, 3)), next(state), next(state))
    assert next(state, None) is None
    torch.testing.assert_close(network(image), logits, rtol=1e-4, atol=1e-4)


def torchvisions(name: str) -> nn.Module:
    builder = getattr(peers.torchvision().models, name)
    return builder(init_weights=False, transform_input=False, aux_logits=True)


def in_our_order(theirs: nn.Module) -> nn.Module:
    """torchvision's Inception v3 has its auxiliary head after Mixed_6e, we before the last head."""
    for name in ("AuxLogits", "avgpool", "dropout", "fc"):
        theirs._modules[name] = theirs._modules.pop(name)
    return theirs


def like(theirs: nn.Module, name: str) -> nn.Module:
    """Our network with their weights."""
    with meta_init():
        ours = zoo.build(name)
    ours.to_empty(device="cpu")
    peers.in_their_order(ours, theirs)
    return ours


COUNTERPARTS: dict[str, Callable[[], nn.Module]] = {
    "googlenet_bn": lambda: torchvisions("googlenet"),
    "inception_v3": lambda: in_our_order(torchvisions("inception_v3")),
    "inception_v4": lambda: peers.timm().create_model("inception_v4"),
    "inception_resnet_v2": lambda: peers.timm().create_model("inception_resnet_v2"),
}


@pytest.mark.parametrize(
    ("name", "pairs", "side"),
    [
        ("googlenet_bn", {"inception4a": ("aux1", 512), "inception4d": ("aux2", 528)}, 14),
        ("inception_v3", {"stage2": ("AuxLogits", 768)}, 17),
    ],
)
def test_torchvisions_auxiliary_heads_give_the_same_logits(
    name: str, pairs: dict[str, tuple[str, int]], side: int
) -> None:
    theirs = peers.shaken(COUNTERPARTS[name]())
    ours = like(theirs, name)
    for stage, (other, width) in pairs.items():
        head, map_ = ours.get_submodule(f"auxiliary.{stage}"), torch.rand(2, width, side, side)
        peers.assert_same_function(head, theirs.get_submodule(other), map_)
