"""Every property of every network, over one table: the cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.errors import OptionError
from striate.layers import WithAuxHeads, meta_init
from striate.summary import summarize
from striate.zoo import CARDS, PAGES, Card
from striate.zoo.pages import deepbind, lenet, lenet_1d, resnet, resnet_1d, resnet_small
from striate.zoo.pages.resnet_small import Absent, PaddedIdentity
from tests.zoo import peers

every = pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
flexible = pytest.mark.parametrize(
    "card", [card for card in CARDS.values() if card.any_size], ids=lambda card: card.name
)
#: a network of each page, small enough to run
SMALLEST = (
    *("lenet5", "resnet18", "resnet20", "plain20", "mlp", "locally_connected"),
    *(
        "conv_autoencoder",
        "compressive_autoencoder",
        "dncnn",
        "edsr",
        "dcgan_generator",
        "dcgan_discriminator",
    ),
    *("lenet5_1d", "resnet18_1d", "deepbind"),
)


@cache
def on_meta(name: str, **sizes: int) -> nn.Module:
    with meta_init():
        return zoo.build(name, **sizes).eval()


def empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def others(card: Card, *, channels: int, classes: int) -> dict[str, int]:
    """Other sizes than the paper's, of those that the network has."""
    return {"channels": channels, **({"classes": classes} if card.classes else {})}


def example(card: Card, images: int) -> Tensor:
    """Random input, small where the network takes images of any size."""
    channels, *sides = card.input
    if card.any_size:
        sides = [16] * len(sides)
    return torch.randn(images, channels, *sides)


def assert_gives(card: Card, output: Any, x: Tensor, *, channels: int, classes: int) -> None:
    """Logits, logits for every pixel of x, an image, or images with logits of two kinds."""
    if card.output == "samples":
        for part in output:
            assert part.images.shape == (len(x), channels, *x.shape[2:])
            assert part.logits.shape == (len(x), classes)
    elif card.output == "logits":
        assert output.shape == (len(x), classes)
    elif card.output == "map":
        assert output.shape == (len(x), classes, *x.shape[2:])
    elif card.input_kind == "code":
        assert output.shape[:2] == (len(x), channels)
        assert output.shape[2] == output.shape[3] > 1
    else:
        sides = [2 * side if card.name == "edsr" else side for side in x.shape[2:]]
        assert output.shape == (len(x), channels, *sides)


def params(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def stages(network: nn.Module) -> dict[str, nn.Module]:
    """The stages in order; auxiliary heads stand beside them."""
    return {name: part for name, part in network.named_children() if name != "auxiliary"}


def seeded(name: str, seed: int = 5, **sizes: int) -> nn.Module:
    torch.manual_seed(seed)
    return zoo.build(name, **sizes)


@every
def test_parameters_are_those_of_the_card(card: Card) -> None:
    assert params(on_meta(card.name)) == card.params


@every
def test_multiply_adds_and_field_are_those_of_the_card(card: Card) -> None:
    summary = summarize(on_meta(card.name), card.input, card.name)
    assert summary.uncounted == summary.untraced == ()
    assert summary.macs == card.macs
    assert summary.receptive_field == card.receptive_field


@every
def test_a_batch_gives_what_the_card_says(card: Card) -> None:
    x = empty(3, *card.input)
    channels = card.input[0] if card.input_kind != "code" else 3
    assert_gives(card, on_meta(card.name)(x), x, channels=channels, classes=card.classes)


@every
def test_channels_and_classes_can_be_others(card: Card) -> None:
    channels, *sides = card.input
    network = on_meta(card.name, **others(card, channels=4, classes=7))
    x = empty(2, 4 if card.input_kind != "code" else channels, *sides)
    assert_gives(card, network(x), x, channels=4, classes=7)


@every
def test_children_are_stages_in_the_order_they_run_and_end_with_the_head(card: Card) -> None:
    network = on_meta(card.name)
    names = list(stages(network))
    if card.output == "samples":  # two networks, each with a head of its own
        assert names == ["generator", "discriminator"]
        return
    assert names[-1] == "head"
    assert len(names) > 3
    assert all(re.fullmatch(r"[a-z]+[0-9]*[a-z]?", name) for name in names)
    if isinstance(network, nn.Sequential | WithAuxHeads):
        x = y = empty(1, *card.input)
        for stage in stages(network).values():
            y = stage(y)
        assert y.shape == network(x).shape
    assert sum(params(stage) for stage in network.children()) == card.params


@flexible
def test_networks_for_any_size_take_odd_ones(card: Card) -> None:
    channels, least, dims = card.input[0], card.smallest, len(card.input) - 1
    for size in ((least, least), (2 * least + 1, least + 13)):
        x = empty(2, channels, *size[:dims])
        output = on_meta(card.name)(x)
        if card.output == "image":  # its page says of which size
            assert output.shape[:2] == x.shape[:2]
        else:
            assert_gives(card, output, x, channels=channels, classes=card.classes)


@pytest.mark.parametrize(
    "card",
    [card for card in CARDS.values() if card.any_size and card.smallest > 1],
    ids=lambda card: card.name,
)
def test_no_smaller_image_than_the_smallest_fits(card: Card) -> None:
    side = card.smallest - 1
    with pytest.raises(RuntimeError):
        on_meta(card.name)(empty(2, card.input[0], side, side))


@pytest.mark.parametrize(
    "card", [card for card in CARDS.values() if not card.any_size], ids=lambda card: card.name
)
def test_the_others_take_their_size_only(card: Card) -> None:
    channels, *sides = card.input
    for change in (-4, 4):
        with pytest.raises(RuntimeError):
            on_meta(card.name)(empty(1, channels, *(side + change for side in sides)))


@every
def test_a_card_says_who_when_and_what(card: Card) -> None:
    assert CARDS[card.name] is zoo.card(card.name) is card
    assert re.fullmatch(r"[A-Z]\w+( et al\.| and [A-Z]\w+)?", card.paper)
    assert 1980 < card.year < 2027


def test_every_card_of_every_page_is_listed() -> None:
    names = [card.name for page in PAGES for card in page.CARDS]
    assert names == list(CARDS)


@pytest.mark.parametrize("name", SMALLEST)
def test_the_seed_alone_decides_the_first_weights(name: str) -> None:
    first, same, other = seeded(name), seeded(name), seeded(name, seed=6)
    pairs = zip(first.parameters(), same.parameters(), strict=True)
    assert all(one.equal(two) for one, two in pairs)
    assert not next(first.parameters()).equal(next(other.parameters()))


@pytest.mark.parametrize("name", SMALLEST)
def test_every_weight_learns(name: str) -> None:
    card = CARDS[name]
    network = seeded(name, **({"classes": 3} if card.classes else {}))
    network(example(card, 4)).square().sum().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        assert parameter.grad.any(), path


@pytest.mark.parametrize("name", [name for name in SMALLEST if name != "plain20"])
def test_a_network_can_be_exported(name: str) -> None:
    network = seeded(name).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    x, other = example(CARDS[name], 2), example(CARDS[name], 5)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
    assert program.module()(other).allclose(network(other), atol=1e-5)


@pytest.mark.parametrize("depth", [20, 32, 44, 56])
def test_a_plain_net_has_the_parameters_of_its_residual_twin(depth: int) -> None:
    plain, residual = on_meta(f"plain{depth}"), on_meta(f"resnet{depth}")
    shapes = [[(name, p.shape) for name, p in net.named_parameters()] for net in (plain, residual)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", ["resnet20", "plain20", "plain56", "resnet56"])
def test_a_deep_net_neither_explodes_nor_dies_at_the_start(name: str) -> None:
    network = seeded(name)
    x = torch.randn(8, 3, 16, 16)
    logits = network(x)
    assert 0.05 < float(logits.detach().std()) < 5
    logits.sum(dim=0).square().sum().backward()
    stem = network.get_parameter("stem.first.conv.weight").grad
    assert stem is not None
    assert 1e-4 < float(stem.abs().mean()) < 1e4


@pytest.mark.parametrize("name", ["resnet18", "plain32"])
def test_first_weights_have_the_variance_of_he(name: str) -> None:
    for path, conv in seeded(name).named_modules():
        if isinstance(conv, nn.Conv2d):
            fan_out = conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1]
            measured = float(conv.weight.detach().std()) / (2 / fan_out) ** 0.5
            assert abs(measured - 1) < 3 / conv.weight.numel() ** 0.5 + 0.01, path


def test_a_plain_layer_is_its_branch_alone() -> None:
    x = torch.randn(2, 16, 6, 6)
    assert (x + Absent()(x)).equal(x)


def test_option_a_takes_every_other_position_and_fills_new_channels_with_zeros() -> None:
    x = torch.randn(2, 3, 5, 4)
    expected = torch.zeros(2, 7, 3, 2)
    for row in range(3):
        for column in range(2):
            expected[:, :3, row, column] = x[:, :, 2 * row, 2 * column]
    assert PaddedIdentity(3, 7, 2)(x).equal(expected)
    assert PaddedIdentity(3, 3, 1)(x) is x


def test_a_residual_block_adds_and_then_cuts() -> None:
    double, negate = nn.Identity(), nn.Threshold(9, -3)
    x = torch.tensor([[1.0, 4.0]])
    assert resnet.Residual(double, negate)(x).equal(torch.tensor([[0.0, 1.0]]))


@pytest.mark.parametrize(
    ("name", "nearest"), [("resnet51", "resnet5"), ("LeNet-5", "lenet5'"), ("lenet_5", "lenet5'")]
)
def test_an_unknown_network_is_corrected(name: str, nearest: str) -> None:
    for ask in (zoo.card, zoo.build):
        with pytest.raises(OptionError) as caught:
            ask(name)
        assert str(caught.value).startswith(
            f"no network is called '{name}'; did you mean '{nearest}"
        )


def test_a_name_may_carry_arguments() -> None:
    narrow = on_meta("mobilenet_v1(width=0.25)").state_dict()
    assert {name: x.shape for name, x in narrow.items()} == {
        name: x.shape for name, x in on_meta("mobilenet_v1", width=0.25).state_dict().items()
    }
    widths = [p.shape[0] for p in on_meta("mlp(size=8, widths=(20, 7))").parameters()]
    assert widths == [20, 20, 7, 7, 10, 10]
    assert params(on_meta("locally_connected(size=9, windows=((2, 3), (1, 5)))", classes=2)) > 0
    assert zoo.card("mobilenet_v1(width=0.25)") is CARDS["mobilenet_v1"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *(
            (
                f"mobilenet_v1({arguments}",
                f"mobilenet_v1({arguments}: expected arguments of numbers",
            )
            for arguments in (
                *("", "width", "width)", "0.5)", "width=x)", "width=-1)", "width=1e9)", "**{})"),
                *("width=0.5, width=1)", "width=" + "0" * 99 + ")"),
                *("width=1e999)", "width='0.5')", "width=0.5)(1)", "width=[1,{}])"),
                f"width={'(' * 40}1{')' * 40})",
            )
        ),
        ("mobilenet_v1(width=0)", "width must be above 0 and at most 10, but 0 came"),
        ("resnet18(width=0.5)", "no argument of resnet18 is called 'width'"),
        ("resnet19(width=0.5)", "no network is called 'resnet19'"),
        ("mlp(widths=5)", "mlp: no network for widths=5: 'int' object is not iterable"),
        ("conv_autoencoder(widths=())", "conv_autoencoder: no network for widths=(): "),
        ("mlp(classes=5)", "mlp: classes was given twice"),
    ],
)
def test_wrong_arguments_in_a_name_are_told(name: str, message: str) -> None:
    sizes = {"classes": 3} if "classes" in name else {}
    with pytest.raises(OptionError) as caught:
        zoo.build(name, **sizes)
    assert str(caught.value).startswith(message)


def test_a_network_like_none_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.card("?!")
    assert str(caught.value) == (
        f"no network is called '?!'; of {len(CARDS)} names the nearest are 'zfnet', 'vgg19_bn' and "
        "'vgg19'"
    )


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"classes": 0}, "resnet20: classes must be from 1 to 1,000,000, but 0 came"),
        ({"channels": -2}, "resnet20: channels must be from 1 to 1,000,000, but -2 came"),
        (
            {"classes": 10**25},
            f"resnet20: classes must be from 1 to 1,000,000, but {10**25:,} came",
        ),
    ],
)
def test_sizes_that_no_network_can_have_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build("resnet20", **sizes)
    assert str(caught.value) == message


def table(page: ModuleType) -> Iterator[list[str]]:
    """The rows of the table in a page's docstring, heads first."""
    for line in (page.__doc__ or "").splitlines():
        if line.startswith("| ") and "---" not in line:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def volumes(card: Card) -> dict[str, tuple[str, str]]:
    """Stage -> its output volume and parameters, as a docstring writes them."""
    found: dict[str, tuple[str, str]] = {}
    x = empty(1, *card.input)
    for name, stage in stages(on_meta(card.name)).items():
        x = stage(x)
        found[name] = "x".join(map(str, x.shape[1:])), f"{params(stage):,}"
    return found


@pytest.mark.parametrize(
    ("page", "column", "network"),
    [
        (lenet, "output", "lenet5"),
        (resnet, "output", "resnet18"),
        (resnet, "output", "resnet34"),
        (resnet, "bottlenecks", "resnet50"),
        (resnet, "bottlenecks", "resnet152"),
        (resnet_small, "output", "resnet20"),
        (resnet_small, "output", "resnet110"),
        (resnet_small, "output", "plain56"),
        (lenet_1d, "output", "lenet5_1d"),
        (resnet_1d, "output", "resnet18_1d"),
        (deepbind, "output", "deepbind"),
    ],
)
def test_the_table_of_a_page_is_true(page: ModuleType, column: str, network: str) -> None:
    heads, *rows = table(page)
    told = {row[0]: dict(zip(heads, row, strict=True)) for row in rows}
    built = volumes(CARDS[network])
    assert told.keys() == built.keys()
    for stage, (volume, count) in built.items():
        said = told[stage][column]
        assert volume == (str(CARDS[network].classes) if said == "classes" else said)
        assert count == told[stage].get("parameters", count)


def test_depths_are_those_the_names_say() -> None:
    for name in (card.name for page in (lenet, resnet, resnet_small) for card in page.CARDS):
        layers = [
            path
            for path, module in on_meta(name).named_modules()
            if isinstance(module, nn.Conv2d | nn.Linear) and "shortcut" not in path
        ]
        assert name.endswith(str(len(layers)))


def copied(ours: nn.Module, theirs: Any) -> nn.Module:
    """Our network with the weights of theirs, matched in order of definition but for shortcuts."""
    state = ours.state_dict()
    inside = [name for name in state if ".shortcut." not in name]
    around = [name for name in state if ".shortcut." in name]
    source = theirs.state_dict()
    theirs_inside = [name for name in source if ".downsample." not in name]
    theirs_around = [name for name in source if ".downsample." in name]
    names = zip(inside + around, theirs_inside + theirs_around, strict=True)
    ours.load_state_dict({mine: source[other] for mine, other in names})
    return ours.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvision_gives_the_same_logits(name: str) -> None:
    models = peers.torchvision().models
    torch.manual_seed(8)
    theirs = getattr(models, name)(weights=None)
    with torch.no_grad():
        for module in theirs.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.7, 1.4)
        theirs.eval()
        x = torch.randn(2, 3, 64, 64)
        expected = theirs(x)
        logits = copied(zoo.build(name), theirs)(x)
    scale = float(expected.abs().max())
    assert float((logits - expected).abs().max()) <= 1e-5 * max(1.0, scale)
