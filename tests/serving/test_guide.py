"""What the page on serving shows is what happens: each line with curl is answered."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from striate.model_file import save
from tests.prediction.map_models import make_model
from tests.serving.running import ROOT, colored, serve

PAGE = (ROOT / "docs/guide/serve.md").read_text("utf-8")
LINES = re.findall(r"^\$ (curl .*)$", PAGE, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_line_with_curl_is_answered(tmp_path: Path):
    (tmp_path / "holiday").mkdir()
    for name in ("cat.jpg", "holiday/2.jpg"):
        (tmp_path / name).write_bytes(colored(9, 9, 9, form="JPEG"))
    (tmp_path / "token").write_text("0123456789abcdef" * 2)
    (tmp_path / "token").chmod(0o600)
    save(make_model(), tmp_path / "model.safetensors")
    words = (str(tmp_path / "model.safetensors"), "--token-file", str(tmp_path / "token"))
    assert [line.count("-F ") for line in LINES] == [1, 2, 0, 1]
    with serve(tmp_path, *words) as server:
        for line in LINES:
            if "Authorization" not in line:
                line = line.replace("curl", 'curl -H "Authorization: Bearer $(cat token)"', 1)
            asked = line.replace(":8000", f":{server.port}")
            done = subprocess.run(
                ["sh", "-c", asked], cwd=tmp_path, capture_output=True, check=True
            )
            rows = json.loads(done.stdout)["predictions"]
            assert len(rows) == max(1, line.count("-F "))
            assert all("error" not in row for row in rows)
