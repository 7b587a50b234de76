"""Segmentation as a task: its losses, sums and figures add up from those of single images."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score
from torch.nn import functional as F

from striate.data.augment.mixing import mix_images
from striate.data.augment.plan import AugmentRanges, make_plan, uniform_samples
from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.options import TrainOptions
from striate.tasks import bind_task
from striate.tasks.fitness import check_options
from striate.tasks.segmentation.loss import class_weights
from striate.tasks.segmentation.task import Segmentation
from striate.zoo import build
from tests.tasks.masks import STREET

TASK = Segmentation(STREET)


@pytest.fixture
def drawn():
    """Logits and masks of 6 images; a third of the pixels of each is ignored, all of the last."""
    random = torch.Generator().manual_seed(0)
    logits = torch.randn((6, 3, 8, 10), generator=random)
    masks = torch.randint(0, 3, (6, 8, 10), generator=random, dtype=torch.uint8)
    masks[torch.rand(masks.shape, generator=random) < 1 / 3] = IGNORE
    masks[-1] = IGNORE
    return logits, masks


def test_the_masks_of_a_data_set_are_segmented_unless_another_task_is_named():
    assert bind_task(None, STREET) == TASK
    assert (TASK.outputs, TASK.head) == (3, "map")
    network = build(TASK.default_network(128, 3), channels=3, classes=3)
    assert network(torch.zeros(1, 3, 24, 40)).shape == (1, 3, 24, 40)


@pytest.mark.parametrize(("count", "said"), [(1, "1 class"), (256, "256 classes")])
def test_a_mask_has_2_to_255_classes(count, said):
    with pytest.raises(OptionError) as error:
        Segmentation(TargetSpec("mask", tuple(map(str, range(count)))))
    assert str(error.value) == (
        f"the task segmentation needs 2 to 255 classes, but the data give {said}"
    )


def test_the_loss_is_the_mean_over_images_of_the_mean_over_their_pixels(drawn):
    logits, masks = drawn
    each = [
        F.cross_entropy(one[None], mask[None].long(), ignore_index=IGNORE)
        for one, mask in zip(logits[:5], masks[:5], strict=True)
    ]
    assert torch.allclose(TASK.loss(logits, masks), torch.stack(each).sum() / 6)
    assert TASK.loss(logits[5:], masks[5:]) == 0
    assert TASK.loss(logits[:0], masks[:0]) == 0


@pytest.mark.parametrize(("balance", "params"), [("none", None), ("weights", "dice=2")])
@pytest.mark.parametrize("parts", [(1, 5), (2, 2, 2), (1, 1, 1, 1, 1, 1), (4, 2)])
def test_any_partition_of_a_batch_gives_the_same_loss_and_gradient(drawn, balance, params, parts):
    logits, masks = drawn
    options = TrainOptions.read({"balance": balance, "label_smoothing": 0.1, "task_params": params})
    loss = TASK.configure(options).training_loss(count_classes(masks), options)

    def run(sizes):
        leaf = logits.clone().requires_grad_()
        pieces = zip(leaf.split(sizes), masks.split(sizes), strict=True)
        total = sum(loss(one, mask) * (len(mask) / 6) for one, mask in pieces)
        total.backward()
        return total.item(), leaf.grad

    whole, gradient = run([6])
    value, found = run(list(parts))
    assert value == pytest.approx(whole, abs=1e-6)
    assert torch.allclose(found, gradient, rtol=0, atol=1e-6)
    assert found[-1].abs().max() == 0


def test_weights_make_every_class_count_alike_and_a_pixel_one_on_average():
    pixels = torch.tensor([[5, 2, 0], [9, 0, 4]])
    weights = class_weights(pixels)
    assert weights.tolist() == pytest.approx([20 / (3 * 14), 20 / (3 * 2), 20 / (3 * 4)])
    assert (weights * pixels.sum(dim=0)).sum() == pytest.approx(20)
    assert class_weights(torch.tensor([[3, 0, 1]])).tolist() == pytest.approx([4 / 6, 0, 2])


def count_classes(masks):
    """Pixels (N, 3) of each class."""
    return torch.stack([(masks == at).sum(dim=(1, 2)) for at in range(3)], dim=1)


def test_the_loss_of_training_is_smoothed_and_weighted_as_the_options_say(drawn):
    logits, masks = drawn[0][:1], drawn[1][:1]
    options = TrainOptions.read({"balance": "weights", "label_smoothing": 0.1})
    weights = class_weights(count_classes(masks))
    total = F.cross_entropy(
        logits, masks.long(), weights, ignore_index=IGNORE, label_smoothing=0.1, reduction="sum"
    )
    found = TASK.training_loss(count_classes(masks), options)(logits, masks)
    assert torch.allclose(found, total / (masks != IGNORE).sum())
    plain = TASK.training_loss(count_classes(masks), TrainOptions.read({}))
    assert torch.equal(plain(logits, masks), TASK.loss(logits, masks))


def test_auxiliary_heads_add_to_the_loss_alone(drawn):
    logits, masks = drawn
    outputs = AuxOutputs(logits, (-logits,), 0.3)
    expected = TASK.loss(logits, masks) + 0.3 * TASK.loss(-logits, masks)
    assert torch.allclose(TASK.loss(outputs, masks), expected)
    assert torch.equal(TASK.count(outputs, masks)["right"], TASK.count(logits, masks)["right"])


def test_the_figures_are_those_of_scikit_learn_and_add_up_over_batches(drawn):
    logits, masks = drawn
    parts = [TASK.count(*part) for part in zip(logits.split(4), masks.split(4), strict=True)]
    zero = TASK.zero_sums()
    sums = {name: sum(part[name] for part in parts) + zero[name] for name in zero}
    assert {values.dtype for values in sums.values()} == {torch.int64}
    found = TASK.measure({name: values.double().numpy() for name, values in sums.items()}, 6)
    kept = masks != IGNORE
    told = masks[kept], logits.argmax(dim=1)[kept]
    expected = jaccard_score(*told, average="macro"), accuracy_score(*told)
    assert tuple(found.values()) == pytest.approx(expected)
    assert [figure.name for figure in TASK.figures] == list(found)
    nothing = {name: values.double().numpy() for name, values in zero.items()}
    assert TASK.measure(nothing, 0) == {}


def test_masks_move_with_their_images_and_take_the_rectangles_that_cutmix_pastes(drawn):
    images = torch.arange(6.0)[:, None, None, None].expand(6, 1, 8, 10)
    masks = torch.arange(6, dtype=torch.uint8)[:, None, None].expand(6, 8, 10).contiguous()
    uniform = uniform_samples(6, 0, 0)
    flipped = make_plan(uniform, AugmentRanges(hflip=True), (1, 8, 10))
    columns = torch.arange(10, dtype=torch.uint8).expand(6, 8, 10).contiguous()
    moved = TASK.augment(columns, flipped, None)
    mirrored = columns.flip(2)
    assert {tuple(row[0].tolist()) for row in moved} == {
        tuple(columns[0, 0].tolist()),
        tuple(mirrored[0, 0].tolist()),
    }
    cut = AugmentRanges(cutmix=1.0)
    plan = make_plan(uniform, cut, (1, 8, 10))
    mixed, share = mix_images(images, uniform, cut)
    assert torch.equal(TASK.augment(masks, plan, share).float(), mixed[:, 0])
    assert share.max() > 0


def test_dice_is_that_of_the_classes_an_image_has_and_is_added_where_asked_for(drawn):
    logits, masks = drawn
    asked = TrainOptions.read({"task_params": "dice=0.5"})
    found = TASK.configure(asked).training_loss(count_classes(masks), asked)(logits, masks)
    sums = 0.0
    for one, mask in zip(logits.softmax(dim=1), masks, strict=True):
        kept = mask != IGNORE
        each = []
        for at in set(mask[kept].tolist()):
            given, true = one[at][kept], (mask[kept] == at).float()
            each.append(1 - 2 * (given * true).sum() / (given.sum() + true.sum()))
        sums += float(torch.stack(each).mean()) if each else 0.0
    expected = TASK.loss(logits, masks).item() + 0.5 * sums / 6
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_options_that_masks_have_no_use_for_are_refused():
    with pytest.raises(OptionError) as error:
        check_options(TASK, TrainOptions.read({"balance": "sampling"}))
    assert str(error.value) == (
        "the task segmentation has no use for --balance sampling: a mask holds several classes, "
        "so images cannot be drawn by class; leave it out"
    )
    check_options(TASK, TrainOptions.read({"balance": "weights", "augment_params": "cutmix=1"}))


def test_mixup_is_refused_since_a_pixel_has_one_class():
    both = AugmentRanges(mixup=0.5)
    uniform = uniform_samples(2, 0, 0)
    plan = make_plan(uniform, both, (1, 4, 4))
    refused = (
        "mixup blends two images, and a pixel of a mask is of one class only; "
        "leave mixup out, or use cutmix"
    )
    with pytest.raises(OptionError) as error:
        TASK.augment(torch.zeros((2, 4, 4), dtype=torch.uint8), plan, torch.zeros(2))
    assert str(error.value) == refused
    with pytest.raises(OptionError) as error:
        TASK.configure(TrainOptions.read({"augment_params": "mixup=0.2"}))
    assert str(error.value) == refused


def test_what_is_decoded_are_class_indices_and_255_where_logits_are_not_finite(drawn):
    logits = drawn[0].clone()
    logits[0, 1, 2, 3] = torch.nan
    decoded = TASK.decode(logits)
    assert decoded.dtype == torch.uint8
    expected = logits.argmax(dim=1)
    expected[0, 2, 3] = IGNORE
    assert torch.equal(decoded.long(), expected)


def test_a_fitted_task_knows_the_classes_that_no_training_mask_shows():
    task = Segmentation(TargetSpec("mask", ("road", "sky", "car", "tram"), {"colors": (0.0,)}))
    assert task.fit(torch.tensor([[1, 0, 9, 2], [0, 7, 0, 0]])) is task
    fitted = task.fit(torch.tensor([[5, 0, 9, 0], [6, 0, 0, 0]]))
    assert fitted.spec.constants == {"colors": (0.0,), "unseen": (1.0, 3.0)}
