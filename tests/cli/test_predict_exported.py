"""`predict` with an exported model: without PyTorch, with the same answers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.deployment import proof
from striate.errors import ModelError, OptionError
from tests.serving.running import serve


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "photos"
    random = np.random.default_rng(1)
    for number in range(40):
        name = ("dark", "light")[number % 2]
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 128, (30, 40, 3)) + (100 if name == "light" else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos):
    return striate.train(
        photos, network="lenet5", epochs=1, threads=1, out=photos.parent / "run", augment="none"
    )


@pytest.fixture(scope="module")
def exported(run, photos):
    return striate.export(run.folder, out=photos.parent / "exported").file


def predicted(*arguments):
    """What the command prints, and the large modules that it has loaded."""
    program = (
        "import sys\nfrom striate.cli import main\ncode = main(sys.argv[1:])\n"
        "print(code, sorted({'torch', 'scipy', 'onnx', 'rich'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, "predict", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    *told, last = done.stdout.splitlines()
    return "\n".join(told), last, done.stderr


def test_an_exported_model_answers_the_same_without_pytorch(exported, run, photos):
    told, last, said = predicted(exported, photos, "--json")
    assert (last, said) == ("0 []", "")
    wanted = striate.predict(run.folder, photos).to_json()
    found = json.loads(told)
    assert [row["path"] for row in found] == [row["path"] for row in wanted]
    assert [row["class"] for row in found] == [row["class"] for row in wanted]
    shares = [[row["probability"] for row in rows] for rows in (found, wanted)]
    np.testing.assert_allclose(*shares, atol=2e-6)


def test_the_server_answers_with_an_exported_model_without_pytorch(exported, photos, tmp_path):
    image = (photos / "dark" / "0.png").read_bytes()
    with serve(tmp_path, str(exported)) as server:
        (told,) = server.predict(image, **{"Content-Type": "image/png"}).json["predictions"]
        processes = [server.process.pid, *server.children()["engine"]]
        loaded = [Path(f"/proc/{pid}/maps").read_text() for pid in processes]
    (wanted,) = striate.predict(exported, photos / "dark" / "0.png")
    assert (told["class"], told["probability"]) == (
        wanted.class_name,
        pytest.approx(wanted.probability, abs=1e-6),
    )
    assert not any("libtorch" in maps for maps in loaded)


def test_openvino_answers_the_same(exported, photos):
    pytest.importorskip("openvino")
    found = striate.predict(exported, photos, engine="openvino")
    wanted = striate.predict(exported, photos)
    np.testing.assert_allclose(
        [row.probability for row in found], [row.probability for row in wanted], atol=1e-5
    )


def test_a_table_of_an_exported_model_is_written(exported, photos, tmp_path):
    _, last, _ = predicted(exported, photos, "--out", tmp_path / "found.csv")
    rows = (tmp_path / "found.csv").read_text().splitlines()
    assert (last.split()[0], len(rows), rows[0]) == ("0", 41, "path,class,probability,error,notes")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": 64}, "an exported model has no use for tile"),
        ({"network": "mynet.py:Net"}, "an exported model has no use for network"),
        ({"engine": "torch"}, "PyTorch does not run an exported model"),
    ],
)
def test_what_an_exported_model_cannot_is_said(exported, photos, options, message):
    with pytest.raises(OptionError, match=message):
        striate.predict(exported, photos, **options)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_model_file_is_made_ready_for_an_engine_once(run, photos, tmp_path, monkeypatch, engine):
    pytest.importorskip(engine)
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    wanted = striate.predict(run.folder, photos).to_json()
    for loaded in (True, False, True):
        told, last, said = predicted(run.folder, photos, "--engine", engine, "--json")
        assert (last.startswith("0 "), "torch" in last) == (True, loaded)
        assert said == f"engine    {engine}, for which a model file is made ready once\n"
        found = json.loads(told)
        assert [row["class"] for row in found] == [row["class"] for row in wanted]
        shares = [[row["probability"] for row in rows] for rows in (found, wanted)]
        np.testing.assert_allclose(*shares, atol=1e-5)
        (file,) = tmp_path.glob("*/model.onnx")
        if not loaded:
            file.write_bytes(file.read_bytes()[:-100])  # a damaged one is made anew


def test_an_engine_that_answers_otherwise_than_pytorch_is_refused(
    run, photos, tmp_path, monkeypatch
):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    monkeypatch.setattr(proof, "TOLERANCE", -1)
    with pytest.raises(ModelError) as told:
        striate.predict(run.folder, photos, engine="onnxruntime")
    assert re.fullmatch(
        rf"{run.folder}/model.safetensors: onnxruntime answers otherwise than PyTorch, outputs "
        r"differ by up to \S+ \(-1 is allowed\); leave out --engine",
        str(told.value),
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "tile",
            "openvino has no use for tile; give the model file to PyTorch, with no --engine",
        ),
        (
            "none",
            "{home}/none.safetensors: no such file; expected a model file or the folder of a run",
        ),
        ("loaded", "openvino is given a model file; this model is loaded by PyTorch"),
    ],
)
def test_what_no_engine_can_do_is_said(run, photos, name, said):
    model, options = run.folder, {}
    if name == "tile":
        options["tile"] = 64
    elif name == "none":
        model = photos.parent / "none.safetensors"
    else:
        model = striate.load(run.folder)
    with pytest.raises(OptionError) as told:
        striate.predict(model, photos, engine="openvino", **options)
    assert str(told.value) == said.format(home=photos.parent)
