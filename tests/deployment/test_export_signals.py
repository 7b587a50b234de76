"""Models of signals and of DNA are exported with what brings inputs to their length."""

import numpy as np
import pytest

import striate
from striate.onnx_model import load_onnx
from striate.prediction.predictor import Predictor
from tests.data.signals.beats import KINDS, beat, write_folders
from tests.deployment.examples import run_example

OPTIONS = {"epochs": 2, "threads": 1, "autotune": "no", "augment": "none"}


def answered(exported, *given):
    done = run_example(exported, *given)
    assert done.stderr == ""
    return done.stdout.splitlines()


def told(rows):
    return [f"{row.path} {row.class_name} {row.probability:.4f}" for row in rows]


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch"])
def test_signals_of_any_length_are_answered_as_by_the_model(tmp_path, fit):
    beats = write_folders(tmp_path / "beats", 20)
    run = striate.train(beats, out=tmp_path / "run", fit=fit, **OPTIONS)
    exported = striate.export(run.folder, out=tmp_path / "exported")
    assert (exported.files.images, exported.files.agrees) == (exported.rows.images, True)
    for length in (40, 64, 99):
        for kind in KINDS:
            np.save(tmp_path / f"{kind}-{length}.npy", beat(kind, 300, length))
    files = sorted(tmp_path.glob("*.npy"))
    wanted = told(striate.predict(run.folder, *files))
    assert answered(exported, *files) == wanted
    assert told(Predictor(load_onnx(exported.file)).predict(files)) == wanted


def test_dna_of_any_length_is_answered_as_by_the_model(tmp_path):
    random = np.random.default_rng(0)
    for name, motif in (("bound", "TGACTCA"), ("other", "")):
        lines = []
        for at in range(60):
            letters = "".join(random.choice(list("ACGT"), 40))
            lines += [f">{name}{at}", letters[: 20 - len(motif)] + motif + letters[20:]]
        (tmp_path / "dna").mkdir(exist_ok=True)
        (tmp_path / "dna" / f"{name}.fa").write_text("\n".join(lines) + "\n")
    run = striate.train(tmp_path / "dna", out=tmp_path / "run", **OPTIONS)
    exported = striate.export(run.folder, out=tmp_path / "exported")
    assert exported.rows.agrees
    given = ["ACGTNACGTTGACTCAGTTACCGATTACAGGTCATCCAGGA", "ttgacuca", "ACGT" * 30]
    assert answered(exported, *given) == told(striate.predict(run.folder, given))
