"""Images become vectors that tools of one's own can read."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import striate
from striate.cache_store import list_entries
from striate.cli import main
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import NO_SPLIT
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.data.prepare import prepare_images, scan_images
from striate.errors import OptionError
from striate.model import Model
from striate.model_file import save
from striate.prediction import embedding, parquet
from striate.progress import drain
from striate.tasks import find_task
from striate.zoo.spec import NetworkSpec

TASK = find_task("classification")(TargetSpec("label", ("round", "square", "long", "thin")))
SHOWN = Preprocess(32, 1, "stretch", (0.5,), (0.25,))


@pytest.fixture
def model() -> Model:
    spec = NetworkSpec.of("lenet5")
    torch.manual_seed(3)
    network = spec.build(channels=1, classes=4, size=32).eval()
    return Model(network, spec, TASK, SHOWN, SplitFractions(0.2, 0.2))


def pixels(photos: Path, paths: tuple[str, ...]) -> torch.Tensor:
    from PIL import Image

    rows = [SHOWN.to_array(Image.open(photos / path)) for path in paths]
    return SHOWN.normalize(torch.from_numpy(np.stack(rows)))


def test_the_head_on_the_features_answers_as_the_network(photos: Path, model: Model):
    found = striate.embed(model, photos)
    with torch.inference_mode():
        expected = model.network(pixels(photos, found.paths))
        answers = model.network.head(torch.from_numpy(found.features))
    assert torch.allclose(answers, expected, rtol=1e-5, atol=1e-5)
    assert str(found) == "120 images, 84 features each"
    assert found.class_names == ("flat", "slanted", "upright")
    assert [found.class_names[label] for label in found.labels] == [
        path.split("/")[0] for path in found.paths
    ]
    work = prepare_images(photos, scan_images(photos), SHOWN, model.fractions)
    assert found.splits.tolist() == drain(work).decoded.samples.splits.tolist()
    assert set(found.split_names) == {"train", "validation", "test"}


def test_maps_of_a_stage_are_averaged(photos: Path, model: Model):
    found = striate.embed(model, photos, stage="c3")
    with torch.inference_mode():
        maps = model.network[:3](pixels(photos, found.paths))
    assert torch.allclose(torch.from_numpy(found.features), maps.mean((2, 3)), atol=1e-5)


def test_the_files_hold_what_the_embedding_holds(photos: Path, model: Model, tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    found = striate.embed(model, photos, out=tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert set(stored) == {"features", "labels", "splits", "paths", "class_names"}
        assert np.array_equal(stored["features"], found.features)
        assert stored["labels"].tolist() == found.labels.tolist()
        assert tuple(stored["splits"]) == found.split_names
        assert tuple(stored["paths"]) == found.paths
        assert tuple(stored["class_names"]) == found.class_names
    striate.embed(model, photos, out=tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["path", "split", "label", *(f"f{at}" for at in range(84))]
    assert table["path"].to_pylist() == list(found.paths)
    assert table["label"].to_pylist() == [path.split("/")[0] for path in found.paths]
    assert np.array_equal(table["f83"].to_numpy(), found.features[:, 83])


def test_names_that_are_no_text_become_text_in_a_table(tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    odd = os.fsdecode(b"caf\xe9")
    features = np.zeros((2, 1), np.float32)
    found = embedding.Embedding(
        features, np.array([0, -1]), np.array([0, NO_SPLIT], np.uint8), (odd, "b"), (odd,)
    )
    embedding.write(tmp_path / "a.parquet", found)
    table = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert table == {
        "path": ["caf\ufffd", "b"], "split": ["train", ""], "label": ["caf\ufffd", ""], "f0": [0, 0]
    }  # fmt: skip
    embedding.write(tmp_path / "a.npz", found)
    assert np.load(tmp_path / "a.npz")["paths"].tolist() == [odd, "b"]


def test_images_with_numbers_have_no_labels(photos: Path, model: Model, tmp_path: Path):
    shutil.copytree(photos / "flat", tmp_path / "flat")
    lines = [f"flat/{at:02}.png,{at / 7}" for at in range(20)]
    (tmp_path / "rows.csv").write_text("\n".join(["path,value", *lines]))
    found = striate.embed(model, tmp_path / "rows.csv")
    assert found.labels.tolist() == [-1] * 20
    assert found.class_names == ()


def test_the_images_of_a_folder_without_class_folders_are_of_one_class(
    photos: Path, model: Model, tmp_path: Path
):
    folder = tmp_path / "holiday"
    folder.mkdir()
    for number, file in enumerate(sorted(photos.rglob("*.png"))[:5]):
        shutil.copy(file, folder / f"{number}.png")
    (folder / "notes.txt").write_text("sunny")
    (tmp_path / "left-out.txt").write_text("3.png\n")
    found = drain(embedding.embed_images(model, folder, leave_out=tmp_path / "left-out.txt"))
    assert found.paths == ("0.png", "1.png", "2.png", "4.png")
    assert found.class_names == ("holiday",)
    assert found.labels.tolist() == [0] * 4


def test_features_are_cached(
    photos: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    striate.embed(model, photos)
    assert sorted(entry.about.split(" of ")[0] for entry in list_entries(tmp_path)) == [
        f"{photos}, 32x32 pixels", "features",
    ]  # fmt: skip


def refusal(model: Model, photos: Path, **options: object) -> str:
    with pytest.raises(OptionError) as caught:
        striate.embed(model, photos, **options)
    return str(caught.value)


def test_a_stage_that_does_not_exist_is_answered_with_those_that_do(photos: Path, model: Model):
    assert refusal(model, photos, stage="head") == (
        "stage must be one of c1, s2, c3, s4, c5, f6, the stages of lenet5 before its head, "
        "but 'head' came"
    )


def test_a_network_without_a_sequence_of_stages_is_refused(photos: Path, model: Model):
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Flatten(), nn.Linear(1024, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(self.one(x))

    own = Own()
    other = replace(model, network=own, spec=NetworkSpec.of(own))
    assert refusal(other, photos) == (
        "Own has no stages that run one after another, as an nn.Sequential has, so what comes "
        "before its head cannot be told"
    )


def test_what_is_read_is_not_written_over(photos: Path, model: Model, tmp_path: Path):
    save(model, tmp_path / "model.npz")
    assert refusal(tmp_path / "model.npz", photos, out=tmp_path / "model.npz") == (
        f"{tmp_path}/model.npz is an input of this command; choose another name"
    )


def test_a_table_without_pyarrow_is_refused_before_anything_is_computed(
    photos: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parquet, "find_spec", lambda name: None)
    monkeypatch.setattr("striate.verbs.embed.embed_images", None)
    assert refusal(model, photos, out=tmp_path / "a.parquet") == (
        f"{tmp_path}/a.parquet: writing Parquet needs pyarrow; install it with "
        "pip install 'striate[parquet]', or write an .npz file"
    )


def test_the_command_says_what_it_wrote(
    photos: Path, model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    save(model, tmp_path / "model.safetensors")
    words = ["embed", str(tmp_path / "model.safetensors"), str(photos), "--out"]
    assert main([*words, str(tmp_path / "a.npz")]) == 0
    told = capsys.readouterr()
    assert told.out == "120 images, 84 features each\n"
    assert told.err.splitlines()[-1] == f"features  {tmp_path}/a.npz"
    assert main([*words, str(tmp_path / "b.npz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "images": 120, "features": 84, "class_names": ["flat", "slanted", "upright"],
    }  # fmt: skip
    assert main(words[:-1]) == 2
    assert capsys.readouterr().err == (
        "striate: error: embed needs --out with the file to write, as in --out features.npz\n"
    )
