"""Generation goes all the way: trained in turns, resumed, verified, judged and shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.tasks.generation.task import Generation
from striate.tasks.task import MadeImages
from striate.training.events import Epoch
from striate.training.run import Run

NETWORK = "dcgan(width=4)"


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 loose images of a disc somewhere."""
    folder = tmp_path_factory.mktemp("data") / "discs"
    folder.mkdir()
    rows, columns = np.indices((32, 32))
    for number in range(48):
        random = np.random.default_rng(number)
        down, right = random.uniform(10, 22, 2)
        inside = np.hypot(rows - down, columns - right) < random.uniform(4, 9)
        noisy = np.where(inside, 220, 30) + random.normal(0, 5, (32, 32))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


OPTIONS = {"task": "generation", "network": NETWORK, "batch": 8, "threads": 1, "progress": False}


@pytest.fixture(scope="module")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "whole"
    return striate.train(discs, out=out, epochs=3, **OPTIONS)


def test_what_is_usual_for_generation_is_taken_unless_given(run: Run):
    options = run.read_options()
    given = {name: options[name] for name in ("optimizer", "learning_rate", "betas", "schedule")}
    assert given == {
        "optimizer": "adam",
        "learning_rate": 0.0005,
        "betas": [0.5, 0.999],
        "schedule": "constant",
    }
    assert options["epochs"] == 3


def test_both_networks_learn(run: Run, discs: Path, tmp_path: Path):
    one = striate.train(discs, out=tmp_path / "one", epochs=1, **OPTIONS)
    first, last = (striate.load(each.folder).network.state_dict() for each in (one, run))
    changed = {name.split(".")[0] for name in first if not first[name].equal(last[name])}
    assert changed == {"generator", "discriminator"}


def test_it_is_resumed_bit_for_bit_and_verified(run: Run, discs: Path, tmp_path: Path):
    events = striate.stream(discs, out=tmp_path / "cut", epochs=3, **{
        name: value for name, value in OPTIONS.items() if name != "progress"
    })  # fmt: skip
    next(event for event in events if isinstance(event, Epoch))
    events.close()
    again = striate.train(resume=tmp_path / "cut", progress=False)
    assert [each.weights for each in again.epochs()] == [each.weights for each in run.epochs()]
    assert striate.verify(run.folder).same


def test_a_grid_of_the_same_noise_is_kept_of_each_epoch(run: Run):
    files = sorted((run.folder / "epochs").iterdir())
    assert [file.name for file in files] == ["0001.png", "0002.png", "0003.png"]
    first, _, last = (np.asarray(Image.open(file)) for file in files)
    assert first.shape == last.shape == (256, 256)
    assert not np.array_equal(first, last)


def test_the_report_compares_generated_images_with_real_ones(run: Run, discs: Path, tmp_path: Path):
    results = striate.evaluate(run.folder, discs, split="all", out=tmp_path / "page.html")
    assert [score.figure.name for score in results.scores()] == [
        "frechet_distance",
        "precision",
        "recall",
    ]
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "Generated images" in page
    assert "Most like them" in page
    assert page.count("data:image/") == 30 + 2 * 12
    assert page.count('class="name"') == 12
    told = json.loads((run.folder / "evaluation.json").read_text("utf-8"))
    assert told["baseline"]["rule"] == "drawing pixels from a normal distribution"
    assert 0 <= told["halves"] < told["frechet_distance"]["value"]
    assert "generated" in repr(results)


def test_evaluation_does_not_depend_on_the_batch(run: Run, discs: Path):
    one, two = (striate.evaluate(run.folder, discs, split="all", batch=batch) for batch in (48, 7))
    assert one.scores()[0].value == pytest.approx(two.scores()[0].value, rel=1e-4)


def test_predict_says_that_nothing_is_answered_about_an_image(run: Run, discs: Path):
    said = "the model makes images and answers nothing about those given"
    with pytest.raises(OptionError, match=said):
        striate.predict(run.folder, discs / "00.png")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"accumulate": 2}, "generator and discriminator take turns at every batch"),
        ({"balance": "sampling"}, "there are no classes to balance"),
        ({"network": "lenet5"}, "lenet5 gives a row of outputs for an image"),
        ({"size": 48}, "size must be 32 or 64 for a DCGAN, but 48 came"),
    ],
)
def test_what_has_no_use_is_refused(discs: Path, tmp_path: Path, option: dict, said: str):
    with pytest.raises(OptionError, match=said):
        striate.train(discs, out=tmp_path / "none", **{**OPTIONS, **option})
    assert not (tmp_path / "none").exists()


def test_a_discriminator_that_wins_and_a_collapse_are_named():
    task = Generation(TargetSpec("image"))
    bad = {"told_apart": 0.97}, {"variety": 0.12}
    assert not list(task.diagnose(9, *bad))
    assert not list(task.diagnose(10, {"told_apart": 0.8}, {"variety": 0.9}))
    assert [kind for kind, _ in task.diagnose(10, *bad)] == ["discriminator wins", "collapse"]
    wins, collapse = (text for _, text in task.diagnose(10, *bad))
    assert wins == (
        "the discriminator tells 97.0 % of real and generated images apart, so that the generator "
        "hardly learns from it; likely cause: few images, or too wide a network; try more images "
        "or a narrower network"
    )
    assert collapse == (
        "generated images vary 12.0 % as much as real ones: the generator has collapsed to a few "
        "of them; if it does not recover, try another --seed or a lower --learning-rate"
    )


def test_images_of_a_seed_are_the_same_whatever_their_number(run: Run, tmp_path: Path):
    few, many = (striate.generate(run.folder, count=count, seed=3) for count in (5, 130))
    assert few.shape == (5, 32, 32, 1)
    assert np.array_equal(few, many[:5])
    assert not np.array_equal(few, striate.generate(run.folder, count=5, seed=4))


def test_generate_writes_files(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "made"
    assert main(["generate", str(run.folder), "--count", "70", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"70 images  {out}\n"
    assert sorted(file.name for file in out.iterdir()) == [f"{at:02}.png" for at in range(70)]
    written = np.asarray(Image.open(out / "69.png"))
    assert np.array_equal(written, striate.generate(run.folder, count=70)[69, ..., 0])


def test_a_grid_is_drawn_of_what_is_made(run: Run, tmp_path: Path):
    out = tmp_path / "made.png"
    made = striate.generate(run.folder, count=5, grid=out)
    drawn = np.asarray(Image.open(out))
    assert drawn.shape == (64, 96)
    for number, pixels in enumerate([*made[..., 0], np.zeros((32, 32))]):
        down, right = number % 2 * 32, number // 2 * 32
        assert np.array_equal(drawn[down : down + 32, right : right + 32], pixels)


def test_images_of_a_folder_that_exists_go_beside_it(run: Run, tmp_path: Path):
    for _ in range(2):
        striate.generate(run.folder, count=2, out=tmp_path / "made")
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.png")) == [
        "made-2/0.png", "made-2/1.png", "made/0.png", "made/1.png",
    ]  # fmt: skip


def test_nothing_is_left_of_what_is_interrupted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    blocks = Generation.generate

    def interrupted(*given: Any) -> Iterator[MadeImages]:
        yield next(blocks(*given))
        assert [file.name for file in (tmp_path / "made.partial").iterdir()]
        raise KeyboardInterrupt

    monkeypatch.setattr(Generation, "generate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        striate.generate(run.folder, count=200, out=tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_a_class_is_asked_of_a_model_that_knows_none(run: Run, tmp_path: Path):
    said = (
        "the model knows no class 'cat', as it learned from images alone; train one with --task "
        "conditional_generation"
    )
    with pytest.raises(OptionError) as caught:
        striate.generate(run.folder, class_name="cat", out=tmp_path / "made")
    assert str(caught.value) == said
    assert list(tmp_path.iterdir()) == []


def test_train_says_that_generate_uses_the_model(
    discs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "run"
    options = ["--task", "generation", "--network", NETWORK, "--epochs", "1", "--threads", "1"]
    assert main(["train", str(discs), "--out", str(out), *options]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == (
        f"generate  striate generate {out}/model.safetensors --out FOLDER"
    )
    assert ": 34,166 parameters, generation, images of 32x32 pixels (" in told.err
    assert "targets" not in out.joinpath("report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (1, "there is one image; expected at least two: one to train on, one to validate"),
        (0, "the folder is empty; expected images"),
    ],
)
def test_too_few_images_are_refused(discs: Path, tmp_path: Path, images: int, said: str):
    few = tmp_path / "few"
    few.mkdir()
    for file in sorted(discs.iterdir())[:images]:
        shutil.copy(file, few)
    with pytest.raises(DataError) as caught:
        striate.train(few, out=tmp_path / "run", **OPTIONS)
    assert str(caught.value) == f"{few}: {said}"


def test_fewer_images_than_a_batch_are_a_batch(discs: Path, tmp_path: Path):
    few = tmp_path / "few"
    few.mkdir()
    for file in sorted(discs.iterdir())[:6]:
        shutil.copy(file, few)
    run = striate.train(few, out=tmp_path / "run", epochs=1, test=0, **{**OPTIONS, "batch": 64})
    assert run.read_options()["batch"] == 5
    told = json.loads((run.folder / "evaluation.json").read_text("utf-8"))
    assert (told["images"], told["halves"], told["frechet_distance"]["value"]) == (1, None, None)


def test_a_model_that_answers_makes_no_images(photos: Path, tmp_path: Path):
    other = striate.train(
        photos, out=tmp_path / "run", network="lenet5", epochs=1, threads=1, progress=False
    )
    said = "the model answers with a class and makes no images; train one with --task generation"
    with pytest.raises(OptionError, match=said):
        striate.generate(other.folder, out=tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_generate_needs_a_folder(run: Run, capsys: pytest.CaptureFixture[str]):
    assert main(["generate", str(run.folder)]) == 2
    assert capsys.readouterr().err == (
        "striate: error: generate needs --out with the folder to write, as in --out made, or "
        "--grid with a picture to draw, as in --grid made.png\n"
    )
