"""What a cluster cannot do is said in one line, before it is started."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import striate
from striate.errors import DataError, OptionError
from striate.model_file import save
from striate.prediction import cluster
from striate.verbs import predict_to_file
from tests.data.images import encoded, noise
from tests.prediction.map_models import make_classifier

ON = {"on": "ray", "out": "found.parquet"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(make_classifier(), Path("model.safetensors"))
    Path("photos").mkdir()
    Path("photos/1.png").write_bytes(encoded(noise(20, 20)))
    return tmp_path


def refusal(*data: object, **options: object) -> str:
    with pytest.raises((OptionError, DataError)) as caught:
        predict_to_file("model.safetensors", *data, **{**ON, **options})
    assert not Path("found.parquet").exists()
    return str(caught.value)


@pytest.fixture
def no_ray_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("striate.verbs.fleet.import_ray", lambda: None)


@pytest.mark.usefixtures("here", "no_ray_is_needed")
@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (
            "photos",
            {"out": "found.csv"},
            "on writes a folder of Parquet; name it with out, as found.parquet",
        ),
        ("photos", {"masks": "masks"}, "on writes tables alone; leave masks and overlays out"),
        ("photos", {"on": None, "workers": 2}, "workers are those of a cluster; add on"),
        (
            "photos",
            {"gallery": "photos"},
            "gallery is a file here, which a cluster is not sent; leave on out",
        ),
        (
            "photos",
            {"device": "cuda:1"},
            "a cluster computes on cores, but device cuda:1 was asked for",
        ),
        (
            "photos",
            {"out": "photos/found.parquet"},
            "photos/found.parquet would lie among the images of photos",
        ),
        ("nowhere", {}, "nowhere: no such file or folder"),
        ("s3://bucket/photos", {}, "s3://bucket/photos: Install s3fs to access S3"),
        (
            "photos",
            {"out": "s3://b/found.parquet"},
            "s3://b/found.parquet: Install s3fs to access S3",
        ),
        ("photos", {"on": "spark"}, "on must be 'ray', but 'spark' came"),
    ],
)
def test_what_a_cluster_cannot_do_is_told(data: str, options: dict[str, object], message: str):
    assert refusal(data, **options) == message


def test_an_array_is_not_sent(here: Path, no_ray_is_needed: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("striate.verbs.fleet.connected", connected_to_nothing)
    with pytest.raises(DataError, match="array: a cluster reads images from files"):
        predict_to_file("model.safetensors", np.zeros((4, 4), np.uint8), **ON)


@contextlib.contextmanager
def connected_to_nothing(*_: object):
    yield 1


@pytest.mark.usefixtures("here")
def test_predictions_of_a_cluster_are_not_returned():
    with pytest.raises(OptionError) as caught:
        striate.predict("model.safetensors", "photos", **ON)
    assert str(caught.value) == "on writes a folder, and returns nothing; call predict_to_file"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["ray", "pyarrow"])
def test_what_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch):
    def lacking(_: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(cluster.importlib, "import_module", lacking)
    assert refusal("photos") == (
        f"this needs {name}, which is not installed: pip install 'striate[cluster]'"
    )


@pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray")
def test_a_cluster_that_does_not_answer_is_named(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    words = ["predict", "model.safetensors", "photos", "--on", "ray", "--out", "found.parquet"]
    done = subprocess.run([sys.executable, "-m", "striate", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "striate: error: RAY_ADDRESS is 127.0.0.1:9, where no cluster answers; start one with ray "
        "start --head, or unset RAY_ADDRESS to use this machine alone\n",
    )
    assert not (here / "found.parquet").exists()
