"""The report in a browser: no error, no request, and no script that would be needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.evaluation.evaluations import drawn, of_matrix
from tests.evaluation.test_report import HOSTILE, made
from tests.training.trainings import training

NAMES = "chromium", "chromium-browser", "google-chrome"
BROWSER = next(filter(None, map(shutil.which, NAMES)), "")
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine opens the page")
#: whoever makes the requests that Chromium itself makes
NOBODY = "not an origin"


def opened(page: str, folder: Path) -> tuple[str, list[str], list[str]]:
    """Open a page; return its elements as the browser has them, console lines and addresses."""
    file, log = folder / "report.html", folder / "net.json"
    file.write_text(page, "utf-8", errors="surrogateescape")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={log}",
        "--dump-dom",
        f"{file.as_uri()}#cell-0-1",
    ]
    home = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=home)
    assert done.returncode == 0, done.stderr
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    events = json.loads(log.read_text())["events"]
    asked = [
        each["params"]["url"]
        for each in events
        if each.get("params", {}).get("initiator", NOBODY) != NOBODY and "url" in each["params"]
    ]
    return done.stdout, console, [url for url in asked if not url.startswith(("file:", "data:"))]


@pytest.mark.parametrize("names", [None, HOSTILE])
def test_the_page_opens_without_an_error_or_a_request(names, tmp_path: Path):
    page = made(drawn(len(HOSTILE), 300, names=names), training(3), title="a page")
    elements, console, asked = opened(page, tmp_path)
    assert console == []
    assert asked == []
    assert len(re.findall(r"<section", elements)) == page.count("<section")
    assert "<script" not in elements


def test_a_script_or_an_outside_image_would_be_noticed(tmp_path: Path):
    page = made(of_matrix([[9, 1], [2, 9]]))
    loud = page.replace(
        "<main>", '<main><img src="http://striate.invalid/x.png"><script>1</script>'
    )
    _, console, _ = opened(loud, tmp_path)
    assert any("Content Security Policy" in line for line in console)
    open_page = re.sub("<meta http-equiv.*>", "", loud)
    assert opened(open_page, tmp_path)[2] == ["http://striate.invalid/x.png"]
