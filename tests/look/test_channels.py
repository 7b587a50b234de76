"""Channel cards of planted networks, whose channels are for one thing by construction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.data.decoding.preprocess import Preprocess
from striate.errors import OptionError
from striate.look.channels import make_cards, rank_cards, silenced
from striate.look.draw_channels import draw_card, draw_cards
from striate.model import Model
from striate.options import EvaluateOptions
from striate.progress import drain
from tests.test_ensemble import fresh

COLOR = Preprocess(32, 3, "stretch", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
SIDE = 5  #: of a square, and of the field


class Planted(nn.Module):
    """Channel c sums color c less the others in 5x5 pixels; class c is where it is highest."""

    def __init__(self) -> None:
        super().__init__()
        self.squares = nn.Conv2d(3, 3, SIDE, padding=2, bias=False)
        weight = 2 * torch.eye(3)[:, :, None, None] - torch.ones(3, 3, 1, 1)
        self.squares.weight.data = weight.expand(3, 3, SIDE, SIDE).clone()
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.head = nn.Flatten()

    def forward(self, x):
        return self.head(self.pool(self.squares(x)))


def planted() -> Model:
    model = fresh("lenet5", replace(COLOR, channels=1))
    return replace(model, network=Planted().eval(), preprocess=COLOR)


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """12 images a class, each with a square of its color; of the first class one at the corner."""
    random = np.random.default_rng(0)
    for name, color in zip(("cat", "dog", "owl"), (RED, GREEN, BLUE), strict=True):
        (tmp_path / "squares" / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.zeros((32, 32, 3), np.uint8)
            top, left = random.integers(0, 27, 2)
            pixels[top : top + SIDE, left : left + SIDE] = color
            pixels[0, number] = pixels[31, number] = 20  # no two are copies
            Image.fromarray(pixels).save(tmp_path / "squares" / name / f"{number:02}.png")
    return tmp_path / "squares"


def cards(model, data, channels=None, layer="squares", patches=9, **options):
    chosen = EvaluateOptions.read({"split": "all", **options})
    return drain(make_cards(model, data, layer, channels, chosen, patches=patches))


def test_the_top_patches_of_a_channel_hold_the_square_exactly(squares):
    (card,) = cards(planted(), squares, [0])
    assert len(card.patches) == 9
    assert len({patch.path for patch in card.patches}) == 9
    for patch in card.patches:
        assert patch.names == ("cat",)
        assert patch.pixels.shape == (SIDE, SIDE, 3)
        assert (patch.pixels[..., 0] >= 20).all()
        image = np.asarray(Image.open(squares / patch.path))
        top, left, bottom, right = patch.field.box
        assert np.array_equal(patch.pixels, image[top:bottom, left:right])
    activations = [patch.activation for patch in card.patches]
    assert activations == sorted(activations, reverse=True)
    assert activations[0] == pytest.approx(25)


def test_silencing_a_channel_loses_its_class_only(squares):
    for card in cards(planted(), squares):
        lost = [loss.lost for loss in card.losses]
        assert lost == [1.0 if at == card.channel else 0.0 for at in range(3)]
        assert [loss.images for loss in card.losses] == [12, 12, 12]
        assert (card.before.value, card.after.value) == (1.0, pytest.approx(2 / 3))


def test_the_level_is_the_mean_of_the_channel_over_all_images_and_places(squares):
    model = planted()
    (card,) = cards(model, squares, [1], batch=5)
    paths = sorted(squares.rglob("*.png"))
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths])
    inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        maps = model.network.squares(inputs)
    assert card.level == pytest.approx(float(maps[:, 1].mean()), rel=1e-5)


def test_the_batch_changes_nothing_and_of_equal_activations_the_earlier_image_comes_first(squares):
    one, other = (cards(planted(), squares, [2], batch=batch)[0] for batch in (1, 36))
    assert [each.path for each in one.patches] == [each.path for each in other.patches]
    assert [each.field for each in one.patches] == [each.field for each in other.patches]
    equal = [each.path for each in one.patches if each.activation == one.patches[0].activation]
    assert len(equal) > 1
    assert equal == sorted(equal)


def test_of_exact_copies_one_is_among_the_patches(squares):
    image = squares / "cat" / "00.png"
    for number in range(8):
        (squares / "cat" / f"copy{number}.png").write_bytes(image.read_bytes())
    (card,) = cards(planted(), squares, [0], patches=30)
    copies = [each for each in card.patches if "copy" in each.path or each.path == "cat/00.png"]
    assert len(copies) == 1
    assert card.images == 44


def test_a_patch_at_the_border_is_clipped_and_a_larger_field_is_the_whole_image(squares):
    model = planted()
    (card,) = cards(model, squares, [0], layer="pool", patches=2)
    assert [patch.pixels.shape for patch in card.patches] == [(32, 32, 3)] * 2
    for path in squares.rglob("*.png"):
        pixels = np.zeros((32, 32, 3), np.uint8)
        pixels[:3, :3] = 250
        pixels[31, int(path.stem)] = 1 + int(path.stem)
        pixels[:3, :3, 1:] = 0
        Image.fromarray(pixels).save(path)
    (card,) = cards(model, squares, [0], patches=1)
    assert card.patches[0].pixels.shape == (3, 3, 3)


def test_hooks_are_removed_after_errors(squares):
    network = planted().network
    with pytest.raises(RuntimeError), silenced(network, "squares", 0, 0.0):
        raise RuntimeError
    with silenced(network, "squares", 1, 7.0):
        assert (network.squares(torch.rand(1, 3, 8, 8))[:, 1] == 7).all()
    assert not any(module._forward_hooks for module in network.modules())


def test_hooks_are_removed_when_the_work_is_left(squares):
    model = planted()
    work = make_cards(model, squares, "squares", None, EvaluateOptions.read({"split": "all"}))
    for step in work:
        if step.total == 4 and step.done == 2:
            break
    work.close()
    assert not any(module._forward_hooks for module in model.network.modules())


@pytest.mark.parametrize(
    ("layer", "channels", "message"),
    [
        ("squares", [3], "channel 3 is out of range: layer squares has 3 channels, counted from 0"),
        ("squares", [-1], "channel -1 is out of range: layer squares has 3 channels, counted from"),
        ("head", [0], "layer head has no maps, so its units are not at places of an image"),
        ("square", [0], "squares"),
    ],
)
def test_bad_input_is_told_before_images_are_decoded(layer, channels, message, tmp_path):
    with pytest.raises(OptionError) as caught:
        cards(planted(), tmp_path / "nothing", channels, layer)
    assert message in str(caught.value)


def test_a_card_needs_a_patch(squares):
    with pytest.raises(OptionError, match="a card needs 1 patch and 1 image or more, but 0 came"):
        cards(planted(), squares, [0], patches=0)


def test_the_sheet_tells_what_is_lost_and_holds_the_arrays(squares, tmp_path):
    (card,) = cards(planted(), squares, [0])
    sheet = draw_card(card)
    assert str(sheet) == (
        "channel 0 of squares: without it accuracy goes from 100 % to 67 %; "
        "cat (12) loses most, 100 % of its recall."
    )
    assert sheet.arrays["losses"].tolist() == [1, 0, 0]
    assert sheet.arrays["boxes"].shape == (9, 4)
    for suffix in ("png", "svg", "npz"):
        sheet.write(tmp_path / f"card.{suffix}")


def test_the_channels_that_matter_most_come_first(squares):
    made = cards(planted(), squares)
    weak = replace(made[0], after=made[0].before)
    ranked = rank_cards([weak, *made[1:]], 2)
    assert [card.channel for card in ranked] == [1, 2]
    sheet = draw_cards(made, 2)
    assert sheet.text.startswith("Channels of squares that matter most: 2 of 3.\nchannel 0 of")
    assert sheet.arrays["lost"] == pytest.approx([1 / 3] * 3)
