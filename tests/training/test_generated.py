"""Images that a generator makes join those to train on, and no others."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

import striate
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.progress import drain
from striate.training.events import Epoch
from striate.training.generated import ImageGenerator, add_generated
from striate.training.prepare import prepare_data
from striate.training.run import Run
from tests.bars import draw_bars

SMALL = {"batch": 8, "threads": 1, "progress": False, "epochs": 1}
GENERATOR = {"task": "conditional_generation", "network": "dcgan(width=4)", **SMALL}
CLASSIFIER = {"network": "lenet5", "augment": "light", "size": 32, **SMALL}


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_bars(tmp_path_factory.mktemp("data") / "bars", "lying", "standing", count=20)


@pytest.fixture(scope="module")
def maker(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return striate.train(bars, out=tmp_path_factory.mktemp("runs") / "maker", **GENERATOR)


@pytest.fixture(scope="module")
def run(bars: Path, maker: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return striate.train(bars, out=out, augment_with=maker.folder, **{**CLASSIFIER, "epochs": 2})


def test_they_are_trained_on_alone_and_as_many_as_there_are(run: Run, maker: Run):
    real = [each for each in run.samples() if not each["path"].startswith("generated/")]
    assert real == maker.samples()
    train = sum(each["split"] == "train" for each in real)
    made = run.samples()[len(real) :]
    assert [(each["path"], each["class"], each["split"]) for each in made] == [
        (f"generated/{number}", ("lying", "standing")[number % 2], "train")
        for number in range(train)
    ]
    assert len({each["sha256"] for each in made}) == train


def test_what_was_added_is_recorded(run: Run, maker: Run):
    train = sum(sample["split"] == "train" for sample in maker.samples())
    digest = hashlib.sha256(maker.model_file.read_bytes()).hexdigest()
    said = striate.load(run.folder).facts["generated images"]
    assert said == f"{train} by dcgan(width=4) of {maker.folder}, SHA-256 {digest}"
    assert run.read_options()["augment_with"] == str(maker.folder)
    assert run.read_json("data_report.json")["generated"] == said


def test_a_training_with_them_is_resumed_bit_for_bit_and_verified(
    run: Run, bars: Path, maker: Run, tmp_path: Path
):
    options = {name: value for name, value in CLASSIFIER.items() if name != "progress"}
    given = {**options, "epochs": 2, "augment_with": maker.folder}
    events = striate.stream(bars, out=tmp_path / "cut", **given)
    next(event for event in events if isinstance(event, Epoch))
    events.close()
    again = striate.train(resume=tmp_path / "cut", progress=False)
    assert [each.weights for each in again.epochs()] == [each.weights for each in run.epochs()]
    assert striate.verify(run.folder).same


def test_a_generator_that_has_changed_is_noticed(bars: Path, tmp_path: Path):
    maker = striate.train(bars, out=tmp_path / "maker", **GENERATOR)
    given = {**CLASSIFIER, "augment_with": maker.folder, "augment_count": 5}
    run = striate.train(bars, out=tmp_path / "run", **given)
    striate.train(resume=maker.folder, epochs=3, progress=False)
    with pytest.raises(OptionError) as caught:
        striate.train(resume=run.folder, epochs=2, progress=False)
    assert str(caught.value) == (
        f"{run.folder}: the images are not those the run began with: 5 changed ('generated/0'); "
        "put them back, or train anew"
    )


def test_classes_are_matched_by_their_names(bars: Path, maker: Run):
    generator = ImageGenerator.open(maker.folder)
    images = drain(prepare_data(bars, TrainOptions(size=32, network="lenet5")))
    task = replace(generator.model.task, spec=TargetSpec("label", ("standing", "lying")))
    turned = replace(generator, model=replace(generator.model, task=task))
    labels = [
        add_generated(images, each, 5).decoded.targets.values[-5:].tolist()
        for each in (generator, turned)
    ]
    assert labels == [[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]]


def test_generated_images_are_a_group_of_their_own_and_like_no_other(
    bars: Path, maker: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ImageGenerator, "check_fits", lambda *_: None)
    options = TrainOptions(size=32, network="lenet5", group="*/{group}.png")
    images = drain(prepare_data(bars, options))
    decoded = add_generated(images, ImageGenerator.open(maker.folder), 5).decoded
    groups, near = decoded.samples.groups, decoded.near
    assert groups
    assert (groups.names[-2:], groups.ids[-6:].tolist()) == (("19", "generated"), [19, *[20] * 5])
    assert near
    assert near.groups[-5:].tolist() == [-1] * 5
    assert len(near.groups) == len(decoded)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            {"color": "rgb"},
            "it makes images of 32x32 pixels, gray, letterbox, but this training takes 32x32 "
            "pixels, color, letterbox; choose size, color and fit as in that run",
        ),
        (
            {"validation": 0.4},
            "it learned from 5 of the 20 images that judge this training, whose figures would "
            "flatter; train it on the same images with the same validation and test",
        ),
    ],
)
def test_a_generator_that_does_not_fit_is_refused(
    bars: Path, maker: Run, tmp_path: Path, option: dict, said: str
):
    given = {**CLASSIFIER, **option, "augment_with": maker.folder}
    with pytest.raises(OptionError) as caught:
        striate.train(bars, out=tmp_path / "run", **given)
    assert str(caught.value) == f"{maker.folder}: {said}"
    assert not (tmp_path / "run").exists()


def test_a_generator_of_other_classes_is_refused(maker: Run, tmp_path: Path):
    others = draw_bars(tmp_path / "others", "lying", "flying", "standing", count=20)
    with pytest.raises(OptionError) as caught:
        striate.train(others, out=tmp_path / "run", augment_with=maker.folder, **CLASSIFIER)
    assert str(caught.value) == (
        f"{maker.folder}: it makes images of “lying”, “standing”, but those to train on are of "
        "“flying”, “lying”, “standing”; give a generator of the same classes"
    )


def test_a_generator_for_a_task_without_classes_is_refused(maker: Run, tmp_path: Path):
    draw_bars(tmp_path, "lying", "standing", count=20)
    files = (file.relative_to(tmp_path) for file in sorted(tmp_path.rglob("*.png")))
    rows = [f"{file},{at}" for at, file in enumerate(files)]
    (tmp_path / "all.csv").write_text("\n".join(["path,length", *rows]) + "\n")
    with pytest.raises(OptionError) as caught:
        striate.train(tmp_path / "all.csv", augment_with=maker.folder, **CLASSIFIER)
    assert str(caught.value) == (
        f"{maker.folder}: generated images have a class, but the task needs numbers for every "
        "image; leave out augment_with"
    )


def test_generated_images_do_not_join_streamed_ones(
    bars: Path, maker: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STRIATE_CACHE_GB", "0.00001")
    with pytest.raises(OptionError) as caught:
        striate.train(bars, out=tmp_path / "run", augment_with=maker.folder, **CLASSIFIER)
    assert str(caught.value) == (
        f"{maker.folder}: generated images join those that are decoded once, but these are "
        "streamed, as they do not fit into the cache; leave out augment_with"
    )


def test_a_generator_without_classes_is_refused(bars: Path, tmp_path: Path):
    maker = striate.train(bars, out=tmp_path / "maker", **{**GENERATOR, "task": "generation"})
    with pytest.raises(OptionError) as caught:
        striate.train(bars, out=tmp_path / "run", augment_with=maker.folder, **CLASSIFIER)
    assert str(caught.value) == (
        f"{maker.folder}: it makes images of no class, but those to train on are of “lying”, "
        "“standing”; give a generator of the same classes"
    )


def test_a_model_that_makes_no_images_is_refused(run: Run, bars: Path, tmp_path: Path):
    with pytest.raises(OptionError) as caught:
        striate.train(bars, out=tmp_path / "run", augment_with=run.folder, **CLASSIFIER)
    assert str(caught.value) == (
        "the model answers with a class and makes no images; train one with --task generation"
    )


def test_a_number_without_a_generator_is_refused(bars: Path):
    with pytest.raises(OptionError) as caught:
        striate.train(bars, augment_count=5, **CLASSIFIER)
    assert str(caught.value) == "augment_count says how many images augment_with adds; give both"
