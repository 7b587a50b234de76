"""`predict` with an exported model: without PyTorch, with the same answers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.errors import OptionError
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


def test_a_model_that_is_not_exported_is_run_by_pytorch(run, photos):
    with pytest.raises(OptionError) as told:
        striate.predict(run.folder, photos, engine="openvino")
    assert str(told.value) == (
        "openvino runs exported models; write one with striate export, or leave out --engine"
    )
