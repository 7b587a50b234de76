"""Models in the forms of other runtimes answer as the model does, in a program of their own."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import striate
from striate.deployment.onnx_export import TARGETS
from striate.deployment.target import Contents
from striate.errors import OptionError

#: whatever a program opens on a network is printed
WATCHED = """\
import sys
sys.addaudithook(lambda event, what: event.startswith("socket.") and print(event, what))
"""
SILENT = "assert sys.modules.get('openvino_telemetry') is None"
ALONE = "import runpy; sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"


def run_alone(program: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WATCHED + program, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module", params=["openvino", "pt2"])
def exported(request, run, ramps):
    return striate.export(run.folder, out=ramps.parent / request.param, to=request.param)


def test_the_file_answers_as_the_model_on_every_image(exported):
    assert (exported.rows.agrees, exported.files.agrees) == (True, True)
    assert exported.files.images == exported.rows.images > 10


def test_the_proof_names_the_file_and_its_runtime(exported):
    proof = json.loads((exported.folder / "proof.json").read_text())
    files = [exported.folder / name for name in exported.target.files]
    assert (proof["file"], proof["bytes"]) == (
        files[0].name,
        sum(each.stat().st_size for each in files),
    )
    assert {"torch", exported.target.package} <= proof["images_per_second"].keys()


def test_the_file_says_what_it_is(exported, run):
    opened = exported.target.open(exported.folder)
    assert opened.class_names == ("down", "up")
    assert opened.preprocess == striate.load(run.folder).preprocess
    assert (opened.precision, opened.network_name) == ("float32", "lenet5")


def test_the_program_beside_it_answers_without_striate_and_asks_nobody(exported, run, ramps):
    files = sorted(ramps.glob("*/*"))[:12]
    program = f"sys.modules['striate'] = None\n{ALONE}\n{SILENT}"
    done = run_alone(program, exported.example, *files)
    wanted = striate.predict(run.folder, *files, top=1)
    told = [f"{row.path} {row.class_name} {row.probability:.4f}" for row in wanted]
    assert (done.stdout.splitlines(), done.stderr) == (told, "")


def test_openvino_reports_nothing_of_an_export(run, tmp_path):
    program = "from striate.cli import main; code = main(sys.argv[1:])\n"
    program += "print(code, sys.modules['openvino_telemetry'])"
    words = "--to", "openvino", "--images", 3, "--out", tmp_path / "out"
    done = run_alone(program, "export", run.folder, *words)
    assert "socket." not in done.stdout
    assert done.stdout.splitlines()[-1] == "0 None"


def test_openvino_that_is_missing_is_one_line_with_the_command(run, tmp_path):
    program = (
        "import sys; sys.modules['openvino'] = None\n"
        "from striate.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = "export", str(run.folder), "--to", "openvino", "--out", str(tmp_path / "out")
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    told = "this needs openvino, which is not installed: pip install 'striate[openvino]'"
    assert (done.returncode, done.stderr) == (2, f"striate: error: {told}\n")
    assert not (tmp_path / "out").exists()


def test_8_bits_in_openvino_are_judged_as_in_onnx(run, ramps):
    exported = striate.export(
        run.folder, out=ramps.parent / "8 bits", to="openvino", int8=True, images=20
    )
    proof = json.loads((exported.folder / "proof.json").read_text())
    assert (proof["precision"], proof["int8"]["holds"]) == ("int8", True)
    assert exported.target.open(exported.folder).precision == "int8"


@pytest.mark.parametrize("options", [{"int8": True}, {"batch": 4}])
def test_pt2_is_neither_rounded_nor_of_a_fixed_batch(options, run, tmp_path):
    with pytest.raises(OptionError) as refused:
        striate.export(run.folder, out=tmp_path / "out", to="pt2", **options)
    assert str(refused.value) == (
        "int8 and batch are for --to onnx and openvino; a pt2 file takes any batch"
    )


def test_a_page_is_for_onnx(run, tmp_path):
    with pytest.raises(OptionError) as refused:
        striate.export(run.folder, out=tmp_path / "out", to="openvino", page=tmp_path)
    assert str(refused.value) == "page is for --to onnx, which browsers open"


def test_no_graph_for_openvino_branches(run, tmp_path):
    target, model = TARGETS["openvino"], striate.load(run.folder)
    target.write(tmp_path, Contents(target.trace(model), model))
    assert 'type="If"' not in (tmp_path / "model.xml").read_text()


def test_every_batch_is_right_the_first_of_its_size_too(exported, run):
    opened, model = exported.target.open(exported.folder), striate.load(run.folder)
    random = np.random.default_rng(0)
    for count, high, wide in ((1, 32, 32), (5, 32, 32), (2, 90, 35), (3, 32, 32), (7, 20, 70)):
        images = random.integers(0, 256, (count, high, wide, 3), dtype=np.uint8)
        rows = np.stack([model.preprocess.to_array(Image.fromarray(each)) for each in images])
        np.testing.assert_allclose(opened.run(images)[0], model.decode(rows), atol=1e-6)


def test_a_fixed_batch_of_openvino_takes_any_number_of_images(run, ramps):
    exported = striate.export(
        run.folder, out=ramps.parent / "fours", to="openvino", batch=4, images=6
    )
    assert exported.files.agrees
    assert 'shape="4,?,?,3"' in exported.file.read_text()
    file = next(ramps.glob("*/*"))
    (wanted,) = striate.predict(run.folder, file, top=1)
    done = run_alone(ALONE, exported.example, file)
    assert done.stdout == f"{file} {wanted.class_name} {wanted.probability:.4f}\n"
