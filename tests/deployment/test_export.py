"""A trained model is exported, and the file answers as the model does, with and without striate."""

import base64
import gzip
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from PIL import Image

import striate
from striate.deployment import onnx_export, onnx_file
from striate.deployment.proof import Found, compare
from striate.errors import ModelError, OptionError, ProofError
from striate.evaluation.known import run_of
from striate.onnx_model import load_onnx
from striate.prediction.predictor import Predictor
from tests.deployment.examples import run_example


@pytest.fixture(scope="module")
def exported(run, ramps):
    return striate.export(run.folder, out=ramps.parent / "exported", images=1000)


def test_the_file_answers_as_the_model_on_every_validation_image(exported):
    assert (exported.rows.different, exported.files.different) == ((), ())
    assert exported.files.images == exported.rows.images > 10
    assert max(exported.rows.largest_difference, exported.files.largest_difference) < 1e-5


def test_the_proof_is_kept_beside_the_file(exported):
    proof = json.loads((exported.folder / "proof.json").read_text())
    assert proof == json.loads(json.dumps(exported.to_json()))
    assert (proof["bytes"], proof["precision"]) == (exported.file.stat().st_size, "float32")
    assert proof["sha256"] == load_onnx(exported.file).sha256


@pytest.fixture(scope="module")
def glass(ramps):
    """Images with transparency: RGBA, gray with alpha, and a palette with a transparent color."""
    folder, random = ramps.parent / "glass", np.random.default_rng(1)
    folder.mkdir()
    for mode in ("RGBA", "LA"):
        pixels = random.integers(0, 256, (40, 30, len(mode)), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{mode}.png")
    palette = Image.open(folder / "RGBA.png").convert("RGB").quantize(16)
    palette.save(folder / "P.png", transparency=3)
    return [folder / f"{mode}.png" for mode in ("RGBA", "LA", "P")]


def test_the_example_answers_without_striate(exported, run, ramps, glass):
    files = [*sorted(ramps.glob("*/*"))[:12], ramps / "down" / "large.jpg", *glass]
    done = run_example(exported, *files)
    wanted = striate.predict(run.folder, *files, top=1)
    told = [f"{row.path} {row.class_name} {row.probability:.4f}" for row in wanted]
    assert (done.stdout.splitlines(), done.stderr) == (told, "")


def test_what_is_none_of_the_names_is_so_in_the_file_the_proof_and_the_example(run, ramps, glass):
    again = shutil.copytree(run.folder, ramps.parent / "rejects")
    striate.evaluate(again, reject=0.3)
    exported = striate.export(again, out=ramps.parent / "exported rejects", images=1000)
    assert exported.files.agrees
    rejected = {row.path for row in striate.predict(again, ramps, *glass) if row.rejected}
    assert 3 <= len(rejected) <= 70
    done = run_example(exported, *sorted(ramps.glob("*/*")), *glass)
    lines = done.stdout.splitlines()
    assert {line.removesuffix(" none of these") for line in lines if "none of" in line} == rejected
    assert (len(lines), done.stderr) == (84, "")


def test_an_answer_that_is_rejected_by_one_alone_is_another_answer(run):
    model = striate.load(run.folder)
    one = Found(np.array([0.9, 0.1], np.float32))
    assert compare(model, [("a.png", one, one)]).agrees
    assert compare(model, [("a.png", one, replace(one, rejected=True))]).different == ("a.png",)


def test_8_bits_are_judged_on_test_images_which_the_run_counts(run, ramps):
    before = run_of(run.folder).count_test(1)
    exported = striate.export(run.folder, out=ramps.parent / "in 8 bits", int8=True, images=9)
    proof = json.loads((exported.folder / "proof.json").read_text())["int8"]
    assert (proof["split"], proof["holds"]) == ("test", True)
    assert run_of(run.folder).count_test(1) == before + 2


class Turned:
    """Answers with the other class."""

    def __init__(self, engine):
        self.engine = engine

    def decode_and_reject(self, pixels):
        decoded, rejected = self.engine.decode_and_reject(pixels)
        return decoded[:, ::-1], rejected


def test_8_bits_that_lose_more_on_test_images_than_allowed_are_refused(run, ramps, monkeypatch):
    judge = onnx_export.judge

    def worse(model, part, shown, known=None):
        if shown == "int8" and part.split == "test":
            model = replace(model, engine=Turned(model.engine))
        return judge(model, part, shown, known)

    monkeypatch.setattr(onnx_export, "judge", worse)
    with pytest.raises(ProofError, match="more than the 1 points allowed and than on the images"):
        striate.export(run.folder, out=ramps.parent / "worse", int8=True)
    assert not (ramps.parent / "worse").exists()


def test_the_example_does_not_guess_the_range_of_16_bits(exported, tmp_path):
    Image.fromarray(np.full((20, 20), 40_000, np.uint16)).save(tmp_path / "deep.png")
    done = run_example(exported, tmp_path / "deep.png")
    told = f"{tmp_path}/deep.png: expected 8 bits a value, but the mode I;16 came\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_the_file_is_an_engine_of_predictions(exported, run, ramps):
    found = list(Predictor(load_onnx(exported.file)).predict([ramps]))
    wanted = striate.predict(run.folder, ramps)
    assert [row.path for row in found] == [row.path for row in wanted]
    assert [row.class_name for row in found] == [row.class_name for row in wanted]
    probabilities = [[row.probability for row in rows] for rows in (found, wanted)]
    np.testing.assert_allclose(*probabilities, atol=1e-6)


@pytest.mark.parametrize("int8", [False, True])
def test_a_file_of_a_fixed_batch_answers_any_number_of_images(run, ramps, int8):
    out = ramps.parent / f"four{int8}"
    exported = striate.export(run.folder, out=out, batch=4, int8=int8)
    assert onnx.load(exported.file).graph.input[0].type.tensor_type.shape.dim[0].dim_value == 4
    assert exported.files.agrees or int8
    files = sorted(ramps.glob("*/*"))[:6]
    wanted = [f"{path} {path.parent.name}" for path in files]
    for engine in ("onnxruntime", "openvino"):
        found = Predictor(load_onnx(exported.file, engine)).predict(files)
        assert [f"{row.path} {row.class_name}" for row in found] == wanted
    done = run_example(exported, *files)
    assert [line.rpartition(" ")[0] for line in done.stdout.splitlines()] == wanted


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"page": "web", "batch": 4}, "the page answers one image at a time; leave out --batch"),
        ({"allowed_drop": 2}, "allowed_drop is for --int8, as float32 loses nothing"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run, options, told):
    with pytest.raises(OptionError, match=told):
        striate.export(run.folder, **options)


def test_a_file_whose_answers_differ_is_not_kept(run, ramps, monkeypatch):
    assemble = onnx_file.assemble

    def tampered(contents):
        for tensor in contents.body.graph.initializer:
            if tensor.name.endswith("weight"):
                tensor.raw_data = bytes(len(tensor.raw_data))
        return assemble(contents)

    monkeypatch.setattr(onnx_file, "assemble", tampered)
    with pytest.raises(ProofError) as refused:
        striate.export(run.folder, out=ramps.parent / "tampered")
    assert "are answered otherwise by the export" in str(refused.value)
    assert "up/" in str(refused.value) or "down/" in str(refused.value)
    assert not (ramps.parent / "tampered").exists()


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


def test_the_page_holds_the_file_and_the_runtime(exported, run, tmp_path):
    files = {"ort.wasm.bundle.min.mjs": b"program", "ort-wasm-simd-threaded.wasm": b"compiled"}
    (tmp_path / "package" / "dist").mkdir(parents=True)
    for name, content in files.items():
        (tmp_path / "package" / "dist" / name).write_bytes(content)
    made = striate.export(run.folder, out=tmp_path / "paged", page=tmp_path / "package")
    packed = re.findall('<script type="text/plain" id="(.*)">(.*)</script>', made.page.read_text())
    held = {name: gzip.decompress(base64.b64decode(text)) for name, text in packed}
    assert held == {"runtime": b"program", "wasm": b"compiled", "model": made.file.read_bytes()}
    assert f"{made.page}, 0.3 MB, opens in a browser" in str(made)


def test_a_page_without_its_runtime_is_refused_with_the_command(run, tmp_path):
    with pytest.raises(OptionError) as refused:
        striate.export(run.folder, out=tmp_path / "paged", page=tmp_path)
    assert str(refused.value) == (
        f"--page {tmp_path}: expected the npm package onnxruntime-web, but "
        "dist/ort.wasm.bundle.min.mjs is not there\n"
        "get it by: npm install onnxruntime-web; then --page node_modules/onnxruntime-web"
    )
    assert not (tmp_path / "paged").exists()


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
