"""The report in a browser: no error, no request, and no script that would be needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from striate.data.traits.shortcuts import Shortcut
from striate.evaluation.doubts import Doubts
from striate.evaluation.invariance_result import Invariance, Point
from striate.evaluation.rejection_result import Foreign, LeftOut, RejectionResult
from striate.metrics.estimates import from_hits
from striate.tasks.figures import CHANGED_ANSWERS
from striate.tasks.sections import Gallery, Picture, Section
from striate.vision.distortions import DISTORTIONS
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


def distorted(results) -> Invariance:
    """Every kind of distortion, with the same image and score at each level."""
    points = tuple(
        Point(results.about.model, kind, level, found.show(level), score, from_hits(at, 9))
        for score in results.scores()[:1]
        for kind, found in DISTORTIONS.items()
        for at, level in enumerate(found.levels)
    )
    strips = {
        kind: np.zeros((len(each.levels), 8, 8, 3), np.uint8) for kind, each in DISTORTIONS.items()
    }
    return Invariance((results,), len(results), points, {}, strips, CHANGED_ANSWERS)


def rejected(names) -> Section:
    share = from_hits(3, 9)
    left_out = tuple(LeftOut(name, share, share, share) for name in names)
    foreign = (Foreign(names[0], "given as foreign", share),)
    return RejectionResult(0.05, share, (share, share), 9, left_out, len(names), foreign).section()


@pytest.mark.parametrize("names", [None, HOSTILE])
def test_the_page_opens_without_an_error_or_a_request(names, tmp_path: Path):
    results = drawn(len(HOSTILE), 300, names=names)
    shown = results.class_names
    dark = Section("Dark: 1 image", "", (Gallery((Picture(0, shown[0], shown[0]),)),))
    doubts = Doubts((dark,), shortcuts=(Shortcut(shown[0], from_hits(9, 9), (("border", 1.0),)),))
    added = {"more": (rejected(shown),), "distorted": distorted(results), "doubts": doubts}
    page = made(results, training(3), title="a page", **added)
    assert all(title in page for title in ("None of these", "does not mind", "Possible shortcut"))
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
