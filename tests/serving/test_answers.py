"""Answers over HTTP are those of `predict`, for all kinds of inputs and answers."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import striate
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.data.signals.signal_input import SignalInput
from striate.model import Model
from striate.model_file import save
from striate.tasks import bind_task
from striate.verbs.ensemble import make_ensemble
from striate.zoo import build
from striate.zoo.spec import NetworkSpec
from tests.data.images import encoded, noise, turned
from tests.prediction.map_models import make_model
from tests.serving.running import Running, form_of, serve
from tests.test_ensemble import mixed

NAMES = ("cat", "dog", "owl")


def images() -> dict[str, bytes]:
    """Files that are read in different ways, and files that cannot be read."""
    photo = encoded(noise(640, 480, seed=1), "JPEG", quality=92)
    return {
        "large.jpg": photo,
        "larger.jpg": encoded(noise(1600, 1200, seed=6), "JPEG", quality=80),  # is scaled down
        "gray.png": encoded(noise(31, 50, seed=2).convert("L")),
        "clear.png": encoded(noise(40, 40, seed=3).convert("RGBA")),
        "turned.jpg": turned(noise(64, 48, seed=4), 6, "JPEG"),
        "palette.gif": encoded(noise(50, 20, seed=5), "GIF"),
        "cut.jpg": photo[:-500],
        "empty.png": b"",
        "page.jpg": b"<!doctype html><html><body>404</body></html>",
    }


def predicted(model: Path, contents: dict[str, bytes], folder: Path) -> list[dict[str, Any]]:
    paths = [folder / name for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    return [row.to_json() for row in striate.predict(model, *paths)]


def compare(server: Running, model: Path, contents: dict[str, bytes], folder: Path) -> None:
    """Ask for all at once, and for each alone."""
    expected = predicted(model, contents, folder)
    body, header = form_of(*contents.values(), names=list(contents))
    reply = server.ask("POST", "/v1/predict", body, header)
    assert reply.status == 200, reply
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert reply.json["model"]["sha256"] == digest
    for row, told in zip(reply.json["predictions"], expected, strict=True):
        name, error = Path(told.pop("path")).name, told.pop("error")
        assert row.pop("name") == name
        if error:
            assert row == {"error": {"code": "unreadable", "message": error}}
            alone = server.ask("POST", "/v1/predict", contents[name], octets())
            assert alone.error == (422, "unreadable", error)
        else:
            assert sorted(row.pop("timing")) == ["compute_ms", "decode_ms", "queue_ms"]
            assert row == almost(told)
            alone = server.ask("POST", "/v1/predict", contents[name], octets())
            assert alone.json["predictions"][0]["notes"] == told["notes"]


def octets() -> dict[str, str]:
    return {"Content-Type": "application/octet-stream"}


def almost(told: Any) -> Any:
    """Numbers of other batches differ in their last digits."""
    if isinstance(told, dict):
        return {key: almost(value) for key, value in told.items()}
    if isinstance(told, list):
        return list(map(almost, told))
    return pytest.approx(told, abs=2e-6) if isinstance(told, float) else told


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory):
    """A server of an ensemble, whose members see an image in three ways, and its file."""
    folder = tmp_path_factory.mktemp("labels")
    model = folder / "several.safetensors"
    save(make_ensemble(mixed(), "abc"), model)
    with serve(folder, str(model)) as server:
        yield server, model


def test_classes_are_those_that_predict_answers(labels: tuple[Running, Path], tmp_path: Path):
    server, model = labels
    compare(server, model, images(), tmp_path)


def test_a_request_says_how_many_classes_are_listed(labels: tuple[Running, Path]):
    server, _ = labels
    content = images()["large.jpg"]
    for query, count in (("", 3), ("?top=1", 1), ("?top=2&picture=no", 2), ("?top=1000", 3)):
        (row,) = server.predict(content, query).json["predictions"]
        assert len(row["top"]) == count
    for query, message in {
        "?top=0": "top must be a whole number from 1 to 1,000",
        "?top=x": "top must be a whole number from 1 to 1,000",
        "?top=1&top=2": "the query may name top and picture, each once",
        "?model=/etc/passwd": "the query may name top and picture, each once",
        "?picture=maybe": "picture must be yes or no",
        "?top": "the query is not of the form top=5&picture=yes",
    }.items():
        assert server.predict(content, query).error == (400, "bad_request", message)


def test_what_the_server_says_of_itself(labels: tuple[Running, Path]):
    server, model = labels
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    root = server.ask("GET", "/").json
    assert root["model"] == {
        "sha256": digest, "task": "classification", "network": "lenet5 + 2 x resnet20",
    }  # fmt: skip
    assert f'sha256="{digest}"' in server.ask("GET", "/metrics").body.decode()
    api = server.ask("GET", root["api"]).json
    assert set(api["paths"]) == {
        "/v1/predict", "/healthz", "/readyz", "/metrics", "/openapi.json",
    }  # fmt: skip
    schemas = api["components"]["schemas"]
    assert references(api) == {f"#/components/schemas/{name}" for name in schemas}
    assert server.ask("HEAD", "/healthz").body == b""


def references(document: Any) -> set[str]:
    if isinstance(document, dict):
        own = {document["$ref"]} if "$ref" in document else set()
        return own.union(*map(references, document.values()))
    return set().union(*map(references, document)) if isinstance(document, list) else set()


def test_masks_have_the_size_of_the_image_and_come_as_pictures_if_asked(tmp_path: Path):
    model = tmp_path / "masks.safetensors"
    save(make_model(), model)
    content = images()["turned.jpg"]
    with serve(tmp_path, str(model)) as server:
        compare(server, model, images(), tmp_path)
        (row,) = server.predict(content, "?picture=yes").json["predictions"]
    (expected,) = striate.predict(model, tmp_path / "turned.jpg")
    assert base64.b64decode(row["png"]) == expected.png


def test_pictures_are_made_of_images_as_they_are(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    for seed in range(8):
        noise(36, 24, seed=seed).save(data / f"{seed}.png")
    settings: dict[str, Any] = {"size": 16, "batch": 2, "epochs": 1, "threads": 1}
    run = striate.train(
        data, out=tmp_path / "run", task="denoising", network="dncnn(width=4,depth=3)",
        task_params="std=30", optimizer="adamw", **settings,
    )  # fmt: skip
    contents = {"wide.png": encoded(noise(120, 33, seed=9)), "cut.png": b"\x89PNG\r\n\x1a\n"}
    with serve(tmp_path, str(run.folder)) as server:
        compare(server, run.model_file, contents, tmp_path)
        reply = server.predict(contents["wide.png"], "?picture=yes")
    (row,) = reply.json["predictions"]
    (expected,) = striate.predict(run.folder, tmp_path / "wide.png")
    assert (row["width"], row["height"]) == (120, 33)
    assert base64.b64decode(row["png"]) == expected.png


def test_signals_come_as_tables_and_arrays(tmp_path: Path):
    view = SignalInput(100, 2, "letterbox", (0.0, 0.0), (1.0, 1.0))
    task = bind_task(None, TargetSpec("label", NAMES))
    network = build("lenet5_1d", channels=2, classes=3, size=100).eval()
    spec, fractions = NetworkSpec.of("lenet5_1d"), SplitFractions(0.1, 0.1)
    model = tmp_path / "signals.safetensors"
    save(Model(network, spec, task, view, fractions), model)
    random = np.random.default_rng(0)
    signal = random.normal(size=(80, 2)).astype(np.float32)
    np.save(tmp_path / "a.npy", signal)
    np.save(tmp_path / "c.npy", np.array([{"x": 1}]), allow_pickle=True)
    lines = "".join(f"{a},{b}\n" for a, b in random.normal(size=(120, 2)))
    contents = {
        "a.npy": (tmp_path / "a.npy").read_bytes(),
        "b.csv": lines.encode(),
        "c.npy": (tmp_path / "c.npy").read_bytes(),
        "d.csv": b"1\n2\n3\n",
        "e.csv": b"1,2\n3,four\n",
    }
    with serve(tmp_path, str(model)) as server:
        compare(server, model, contents, tmp_path)
        assert server.ask("POST", "/v1/predict", lines, {"Content-Type": "text/csv"}).status == 200
        refused = server.ask("POST", "/v1/predict", lines, {"Content-Type": "image/jpeg"})
        assert refused.error[:2] == (415, "unsupported_type")
