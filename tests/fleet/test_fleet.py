"""A local Ray with two workers answers as one process does, also when a worker is killed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from striate.model_file import save
from striate.verbs import predict_to_file
from tests.data.images import encoded, noise
from tests.fleet.running import BATCH, LOST
from tests.prediction.map_models import make_classifier

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray"),
]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, 200 images of which 12 are none, so many in a row that a part has no answer, and a
    table of the others.
    """
    home = tmp_path_factory.mktemp("fleet")
    save(make_classifier(), home / "model.safetensors")
    (home / "photos" / "deep").mkdir(parents=True)
    contents = {}
    for number in range(200):
        content = encoded(noise(20, 20, seed=number))
        if 80 <= number < 90:
            content = b"no image"
        if number in (3, 150):
            content = b""
        contents[f"{number:03}.png"] = content
    for name, content in contents.items():
        (home / "photos" / ("deep" if name > "120" else "") / name).write_bytes(content)
    table = pa.table({"path": list(contents), "image": list(contents.values())})
    parquet.write_table(table, home / "table.parquet", row_group_size=30)
    return home


@pytest.fixture(scope="module")
def told(home: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.fleet.running", str(home)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout.splitlines()[-1])  # Ray tells of the killed worker before


def alone(home: Path, *data: str) -> pa.Table:
    out = home / "alone.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        predict_to_file("model.safetensors", *data, out=out, batch=BATCH, overwrite=True)
    return parquet.read_table(out)


def same(one: pa.Table, other: pa.Table) -> bool:
    return one.schema.equals(other.schema) and one.equals(other)


def test_a_fleet_of_which_a_worker_is_killed_answers_as_one_process(
    home: Path, told: dict[str, Any]
):
    assert (home / "killed").exists()
    assert same(parquet.read_table(home / "killed.parquet"), alone(home, "photos"))
    assert told["images"]["killed.parquet"] == [200, 12]
    names = sorted(path.name for path in (home / "killed.parquet").iterdir())
    assert names == ["_predicted.json", *(f"part-{part:06}.parquet" for part in range(25))]


def test_tables_and_addresses_are_answered_too(home: Path, told: dict[str, Any]):
    expected = alone(home, "table.parquet", f"file://{home}/photos/deep")
    assert same(parquet.read_table(home / "far.parquet"), expected)
    assert told["images"][f"file://{home}/far.parquet"] == [280, 13]


def test_a_command_that_goes_on_makes_what_is_missing_alone(home: Path, told: dict[str, Any]):
    assert same(parquet.read_table(home / "begun.parquet"), alone(home, "photos"))
    assert told["anew"] == [f"part-{part:06}.parquet" for part in LOST]
    assert told["images"]["begun.parquet"] == [200, 12]


def test_ray_sends_nothing(told: dict[str, Any]):
    """Ray's processes talk to each other under an address of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, and says from where it would
        own = probe.getsockname()[0]
    here = {socket.inet_aton(each)[::-1].hex().upper() for each in ("127.0.0.1", own)}
    assert told["peers"]
    assert set(told["peers"]) <= here
