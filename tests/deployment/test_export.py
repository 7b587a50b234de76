"""A trained model is exported, and the file answers as the model does, with and without striate."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import striate
from striate.deployment import onnx_export
from striate.errors import ModelError, OptionError, ProofError
from striate.onnx_model import load_onnx
from striate.prediction.predictor import Predictor


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of gradients, in sizes that differ, JPEG and PNG, color and gray."""
    folder = tmp_path_factory.mktemp("export") / "photos"
    random = np.random.default_rng(0)
    for number in range(80):
        name, wide, high = ("up", "down")[number % 2], 20 + number % 30, 40 + number % 7
        (folder / name).mkdir(parents=True, exist_ok=True)
        ramp = np.linspace(0, 200, wide)[None, :, None] * np.ones((high, 1, 3))
        pixels = (ramp if name == "up" else ramp[:, ::-1]) + random.integers(0, 55, (high, wide, 3))
        image = Image.fromarray(pixels.astype(np.uint8))
        image.save(folder / name / f"{number}.{'jpg' if number % 3 else 'png'}")
    large = Image.fromarray(pixels.astype(np.uint8)).resize((600, 900))
    large.save(folder / "down" / "large.jpg")
    return folder


@pytest.fixture(scope="module")
def run(photos):
    return striate.train(
        photos, network="lenet5", epochs=2, threads=1, out=photos.parent / "run", augment="none"
    )


@pytest.fixture(scope="module")
def exported(run, photos):
    return striate.export(run.folder, out=photos.parent / "exported", images=1000)


def test_the_file_answers_as_the_model_on_every_validation_image(exported):
    assert (exported.rows.different, exported.files.different) == ((), ())
    assert exported.files.images == exported.rows.images > 10
    assert max(exported.rows.largest_difference, exported.files.largest_difference) < 1e-5


def test_the_proof_is_kept_beside_the_file(exported):
    proof = json.loads((exported.folder / "proof.json").read_text())
    assert proof == json.loads(json.dumps(exported.to_json()))
    assert (proof["bytes"], proof["precision"]) == (exported.file.stat().st_size, "float32")
    assert proof["sha256"] == load_onnx(exported.file).sha256


def test_the_example_answers_without_striate(exported, run, photos):
    files = [*sorted(map(str, photos.glob("*/*")))[:12], str(photos / "down" / "large.jpg")]
    program = "import sys; sys.modules['striate'] = sys.modules['torch'] = None; sys.argv.pop(0)\n"
    program += "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", program, str(exported.example), *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=photos.parent)
    wanted = striate.predict(run.folder, *files, top=1)
    told = [f"{row.path} {row.class_name} {row.probability:.4f}" for row in wanted]
    assert (done.stdout.splitlines(), done.stderr) == (told, "")


def test_the_file_is_an_engine_of_predictions(exported, run, photos):
    found = list(Predictor(load_onnx(exported.file)).predict([photos]))
    wanted = striate.predict(run.folder, photos)
    assert [row.path for row in found] == [row.path for row in wanted]
    assert [row.class_name for row in found] == [row.class_name for row in wanted]
    probabilities = [[row.probability for row in rows] for rows in (found, wanted)]
    np.testing.assert_allclose(*probabilities, atol=1e-6)


def test_a_file_whose_answers_differ_is_not_kept(run, photos, monkeypatch):
    assemble = onnx_export.assemble

    def tampered(body, *others):
        for tensor in body.graph.initializer:
            if tensor.name.endswith("weight"):
                tensor.raw_data = bytes(len(tensor.raw_data))
        return assemble(body, *others)

    monkeypatch.setattr(onnx_export, "assemble", tampered)
    with pytest.raises(ProofError) as refused:
        striate.export(run.folder, out=photos.parent / "tampered")
    assert "are answered otherwise by the export" in str(refused.value)
    assert "up/" in str(refused.value) or "down/" in str(refused.value)
    assert not (photos.parent / "tampered").exists()


@pytest.mark.parametrize("flip", [0.1, 0.5, 0.9])
def test_a_damaged_file_is_refused(exported, tmp_path, flip):
    content = bytearray(exported.file.read_bytes())
    content[int(flip * len(content))] ^= 1
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="model refused"):
        load_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("part", [0, 1000, -1])
def test_what_is_cut_off_is_refused(exported, tmp_path, part):
    (tmp_path / "model.onnx").write_bytes(exported.file.read_bytes()[:part])
    with pytest.raises(ModelError, match="was not written by striate export"):
        load_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("foreign", [b"PK\3\4", b"\x80" * 99, b"\n" * 99])
def test_what_is_foreign_is_refused(tmp_path, foreign):
    (tmp_path / "model.onnx").write_bytes(foreign)
    with pytest.raises(ModelError, match="was not written by striate export"):
        load_onnx(tmp_path / "model.onnx")


def test_a_model_that_does_not_know_its_images_asks_for_some(run, tmp_path):
    (tmp_path / "alone.safetensors").write_bytes(run.model_file.read_bytes())
    with pytest.raises(OptionError) as asked:
        striate.export(tmp_path / "alone.safetensors")
    assert str(asked.value) == (
        f"{tmp_path}/alone.safetensors: does not know which images it was trained on; name some to "
        "compare answers on, as in --data photos"
    )


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_one_line_with_the_command(run, package):
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from striate.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "export", str(run.folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    told = f"this needs {package}, which is not installed: pip install 'striate[onnx]'"
    assert (done.returncode, done.stderr) == (2, f"striate: error: {told}\n")
