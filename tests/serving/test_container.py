"""The Dockerfile's steps, run without docker, make a server that is healthy and ends on SIGTERM."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from striate.model_file import save
from tests.prediction.map_models import make_model
from tests.serving.running import ROOT, running

STEPS = [
    (line.partition(" ")[0], line.partition(" ")[2])
    for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def steps(name: str) -> list[str]:
    return [told for step, told in STEPS if step == name]


def test_the_files_that_are_installed_are_not_ignored():
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[0] == "*"
    for needed in ("src", "pyproject.toml", "README.md", "LICENSE"):
        assert f"!{needed}" in kept
        assert (ROOT / needed).exists()


def test_the_server_runs_as_nobody_in_particular_and_ends_on_sigterm():
    assert steps("USER") == ["10001:10001"]
    assert steps("STOPSIGNAL") == ["SIGTERM"]


@pytest.mark.slow
def test_the_steps_make_a_server(tmp_path: Path):
    """Dependencies are those of this environment, and no index of PyTorch is asked."""
    here = {"/opt/striate": str(tmp_path / "striate"), "/source": str(ROOT)}

    def moved(told: str) -> str:
        for place, other in here.items():
            told = told.replace(place, other)
        return re.sub(r"--extra-index-url \S+", "--no-deps", told)

    for number, told in enumerate(steps("RUN")):
        words = shlex.split(moved(told))
        words[0] = sys.executable if words[0] == "python" else words[0]
        subprocess.run(words, check=True, capture_output=True)
        if number == 0:
            (packages,) = (tmp_path / "striate").glob("lib/python*/site-packages")
            (packages / "outer.pth").write_text(sysconfig.get_path("purelib"))
    model = tmp_path / "model.safetensors"
    save(make_model(), model)
    (entry,) = (json.loads(moved(told)) for told in steps("ENTRYPOINT"))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    program, *words = [*entry, str(model), "--no-auth", "--port", "0"]
    with running(words, tmp_path, environment, python=program) as server:
        (check,) = steps("HEALTHCHECK")
        command = json.loads(moved(check).partition(" CMD ")[2])
        command[-1] = command[-1].replace("8000", str(server.port))
        subprocess.run(command, check=True)
        assert server.end() == 0
