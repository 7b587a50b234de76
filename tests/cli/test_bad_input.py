"""Whatever is wrong, the user gets one clear sentence, the right exit code, and no traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import striate
from striate.cli import main
from tests.data import images as images


@pytest.fixture
def here(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the stripes in it, so that messages have short paths."""
    shutil.copytree(photos, tmp_path / "stripes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def model(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    run = striate.train(photos, out=out, epochs=1, batch=16, threads=1, progress=False)
    return run.model_file


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = main(argv)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("striate: error: ")
    return code, err.removeprefix("striate: error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("train", 2, "train needs a folder of images, or --resume with the folder of a run"),
        ("train nowhere", 3, "nowhere: no such folder"),
        (
            "train stripes --network resnet5O",
            2,
            "no network is called 'resnet5O'; did you mean 'resnet50'?",
        ),
        (
            "train stripes --network fcn8s",
            2,
            "fcn8s gives outputs for every pixel and cannot be trained for classification, "
            "which needs a row of outputs for an image; choose another network, such as lenet5",
        ),
        (
            "train stripes --network dcgan_generator",
            2,
            "dcgan_generator gives an image and cannot be trained for classification, "
            "which needs a row of outputs for an image; choose another network, such as lenet5",
        ),
        (
            "train stripes --task clasification",
            2,
            "no task is called 'clasification'; did you mean 'classification', 'colorization' or "
            "'conditional_generation'?",
        ),
        *(
            (
                f"{verb} stripes --task regression",
                2,
                "the task regression needs numbers for every image, but the data give a class (3 "
                "classes); leave out --task, or give images that have numbers",
            )
            for verb in ("check", "find-rate", "train")
        ),
        ("train stripes --epochs -3", 2, "--epochs must be at least 1, but '-3' came"),
        ("train stripes --epochs 2.5", 2, "--epochs must be a whole number, but '2.5' came"),
        ("train stripes --minutes nan", 2, "--minutes must be a finite number, but 'nan' came"),
        ("train stripes --minutes x", 2, "--minutes must be a number, but 'x' came"),
        (
            "train stripes --fit crup",
            2,
            "--fit must be 'letterbox', 'crop' or 'stretch', but 'crup' came",
        ),
        (
            "train stripes --device tpu",
            2,
            "--device must be auto, cpu, cuda or cuda:N, but 'tpu' came",
        ),
        (
            "train stripes --epoch 3",
            2,
            "there is no option '--epoch': it is called --epochs here; see `striate train --help`",
        ),
        (
            "train stripes --netwrk lenet5",
            2,
            "no such option '--netwrk'. Did you mean '--network'?; see `striate train --help`",
        ),
        (
            "find_rate stripes --batch_size 8",
            2,
            "there is no option '--batch-size': it is called --batch here; "
            "see `striate find-rate --help`",
        ),
        (
            "train stripes --pretrained",
            2,
            "there is no option '--pretrained': it is called --weights here; "
            "see `striate train --help`",
        ),
        ("verify nowhere", 2, "nowhere: no such folder; expected the folder of a run"),
        ("train --resume stripes", 2, "stripes: not a run of striate: it has no options.json"),
        (
            "trian stripes",
            2,
            "no such command 'trian'. Did you mean 'train'?; see `striate --help`",
        ),
        ("predict", 2, "missing argument 'MODEL'; see `striate predict --help`"),
        (
            "predict none.safetensors stripes",
            2,
            "none.safetensors: no such file; expected a model file or the folder of a run",
        ),
        ("check nowhere", 3, "nowhere: no such folder"),
        (
            "describe resnet17",
            2,
            "no network is called 'resnet17'; did you mean 'resnet18', 'resnet152' or 'resnet110'?",
        ),
        (
            "describe lenet5 --size 20",
            2,
            "lenet5 cannot take an image of 1x20x20; at layer c5.conv: a window of 5 at dilation "
            "1 spans 5 pixels, but the input has 2 (size 2, padding 0 on each side); "
            "use at least 32 pixels a side",
        ),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_wrong_command_line_is_refused(
    line: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    assert refusal(capsys, *line.split()) == (code, message)


def keep(here: Path, kind: str, count: int) -> None:
    for file in sorted((here / "stripes" / kind).iterdir())[count:]:
        file.unlink()


def spoil(here: Path, kind: str, content: Callable[[bytes], bytes]) -> None:
    for file in (here / "stripes" / kind).iterdir():
        file.write_bytes(content(file.read_bytes()))


def test_an_empty_folder(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "empty").mkdir()
    assert refusal(capsys, "train", "empty") == (
        3,
        "empty: the folder is empty; expected a folder for each class, "
        "as in cat/1.jpg and dog/2.jpg",
    )


def test_images_loose_in_the_root(here: Path, capsys: pytest.CaptureFixture[str]):
    assert refusal(capsys, "train", "stripes/flat") == (
        3,
        "stripes/flat: there are no class folders, only 40 loose files; "
        "expected a folder for each class:\n    cat/1.jpg\n    dog/2.jpg",
    )


def test_a_single_class(here: Path, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree(here / "stripes" / "flat")
    shutil.rmtree(here / "stripes" / "slanted")
    assert refusal(capsys, "train", "stripes") == (
        3,
        "stripes: there is only one class, 'upright', with 40 images; expected at least two",
    )


def test_a_class_with_one_image(here: Path, capsys: pytest.CaptureFixture[str]):
    keep(here, "slanted", 1)
    assert refusal(capsys, "train", "stripes") == (
        3,
        "stripes: class 'slanted' has one image; expected at least two of a class",
    )


def test_a_class_with_copies_of_one_image(here: Path, capsys: pytest.CaptureFixture[str]):
    keep(here, "slanted", 1)
    for name in ("a.png", "b.png"):
        shutil.copy(here / "stripes/slanted/00.png", here / "stripes/slanted" / name)
    assert refusal(capsys, "train", "stripes") == (
        3,
        "stripes: all 3 images of class 'slanted' are copies of one; "
        "expected at least two different ones of a class",
    )


def test_a_class_whose_images_are_all_unreadable(here: Path, capsys: pytest.CaptureFixture[str]):
    spoil(here, "upright", lambda data: data[: len(data) // 2])
    assert refusal(capsys, "train", "stripes") == (
        3,
        "stripes: none of the 40 images of class 'upright' can be used; "
        "replace them or remove the class",
    )


def test_an_image_that_claims_to_be_huge_takes_no_memory(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    (here / "stripes" / "flat" / "00.png").write_bytes(images.png(60_000, 60_000))
    assert main(["check", "stripes"]) == 0
    assert (
        "flat/00.png: 60,000 x 60,000 pixels need 14,401 MB, the limit is 200 MB"
        in capsys.readouterr().out
    )


def test_a_read_only_place_for_the_run(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    usual = Path.mkdir

    def read_only(folder: Path, *args: object, **options: object) -> None:
        if folder.parts[0] == "far":
            raise OSError(30, "Read-only file system", str(folder))
        usual(folder, *args, **options)

    monkeypatch.setattr(Path, "mkdir", read_only)
    assert refusal(capsys, "train", "stripes", "--out", "far/run") == (
        4,
        "far: the disk is read-only; choose another place with --out",
    )


def test_an_unknown_option_in_a_recipe(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "recipe.toml").write_text('network = "lenet5"\nlerning_rate = 0.2\n')
    assert refusal(capsys, "train", "stripes", "--recipe", "recipe.toml") == (
        2,
        "recipe.toml: no option is called 'lerning_rate'; did you mean 'learning_rate' or "
        "'clip_grad'?",
    )


def test_a_recipe_that_is_not_toml(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "recipe.toml").write_text("network: lenet5\n")
    code, message = refusal(capsys, "train", "stripes", "--recipe", "recipe.toml")
    assert code == 2
    assert message.startswith("recipe.toml: not TOML: ")


def test_a_pickle_offered_as_a_model(here: Path, capsys: pytest.CaptureFixture[str]):
    torch.save({"weights": torch.zeros(3)}, here / "model.safetensors")
    assert refusal(capsys, "predict", "model.safetensors", "stripes") == (
        7,
        "model.safetensors: not a striate model: a zip archive, as torch.save writes: it may hold "
        "a pickle, which can run code; give a model.safetensors of a run",
    )


def test_an_image_offered_as_a_model(here: Path, capsys: pytest.CaptureFixture[str]):
    size = f"{(here / 'stripes/flat/03.png').stat().st_size:,}"
    assert refusal(capsys, "evaluate", "stripes/flat/03.png", "stripes") == (
        7,
        f"stripes/flat/03.png: not a striate model: {size} bytes that are not a safetensors file; "
        "give a model.safetensors of a run",
    )


def test_classes_that_the_model_does_not_know(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
):
    (here / "stripes" / "flat").rename(here / "stripes" / "level")
    assert refusal(capsys, "evaluate", str(model), "stripes") == (
        3,
        "stripes: 'level' of its 3 classes are not among the 3 that the model was trained on: "
        "'flat', 'slanted', 'upright';\n"
        "name them as the model does, or give --rename FILE.csv, whose lines are a name of the "
        "images, a comma, and the model's name for it",
    )


def test_loose_images_cannot_be_judged(here: Path, model: Path, capsys: pytest.CaptureFixture[str]):
    assert refusal(capsys, "evaluate", str(model), "stripes/flat") == (
        3,
        "stripes/flat: there are no class folders, only 40 loose files; "
        "expected a folder for each class:\n    cat/1.jpg\n    dog/2.jpg",
    )


def test_a_bug_of_ours_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    from striate import verbs

    def broken() -> None:
        raise RuntimeError("seven is not eight")

    monkeypatch.setattr(verbs, "networks", broken)
    assert main(["networks"]) == 70
    assert capsys.readouterr().err == (
        "striate: error: RuntimeError: seven is not eight\n"
        "this is a bug of striate: please report it with what --traceback prints\n"
    )


def test_a_traceback_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "nowhere", "--traceback"]) == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err
