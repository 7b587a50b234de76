"""The program beside an exported model, run where neither striate nor torch can be imported."""

from __future__ import annotations

import subprocess
import sys

from striate.deployment.exported import Exported

ALONE = """\
import runpy, sys
sys.modules["striate"] = sys.modules["torch"] = None
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_example(exported: Exported, *given: object) -> subprocess.CompletedProcess[str]:
    """Run the program with what it is given on its command line."""
    command = [sys.executable, "-c", ALONE, str(exported.example), *map(str, given)]
    return subprocess.run(command, capture_output=True, text=True, cwd=exported.folder.parent)
