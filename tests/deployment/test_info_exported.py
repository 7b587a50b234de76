"""`info` of an exported model: what the model file says, without PyTorch."""

import json
import subprocess
import sys

import pytest

import striate
from striate.cache_store import file_digest
from striate.errors import ModelError
from striate.model_card.card import write_card


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("told") / "run"
    found = striate.train(photos, network="lenet5", epochs=1, threads=1, out=out, progress=False)
    striate.evaluate(found.folder, reject=0.05)
    return found


@pytest.fixture(scope="module")
def file(run):
    return striate.export(run.folder, out=run.folder.parent / "exported").file


def test_it_says_what_the_model_file_says_without_pytorch(run, file):
    program = (
        "import sys\nfrom striate.cli import main\ncode = main(['info', *sys.argv[1:], '--json'])\n"
        "print(code, sorted({'torch', 'scipy', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(file)]
    *told, last = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    assert last == "0 []"
    found, wanted = json.loads("\n".join(told)), striate.info(run.folder).to_json()
    own = {
        "file": str(file),
        "form": "ONNX",
        "bytes": file.stat().st_size,
        "sha256": file_digest(file),
        "source_sha256": wanted["sha256"],
        "exported_by": striate.__version__,
    }
    assert found == json.loads(json.dumps(wanted)) | own


def test_its_card_says_how_it_is_opened(file):
    card = write_card(striate.info(file))
    assert 'session = onnxruntime.InferenceSession("model.onnx")' in card
    assert "load_file" not in card


def test_a_cut_file_is_refused(file, tmp_path):
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(ModelError) as caught:
        striate.info(cut)
    assert str(caught.value) == (
        f"{cut}: model refused: it was not written by striate export, or is cut off\n"
        "write it anew: striate export MODEL --to onnx"
    )
