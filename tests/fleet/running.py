"""Predicts on a cluster of two workers, of which one is killed in the middle.

    python -m tests.fleet.running HOME

Prints a JSON object: how many images each run has, and what Ray's processes were connected to.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from striate.prediction.cluster import connected, import_ray
from striate.prediction.part_folder import PartFolder
from striate.verbs import fleet, predict_to_file

BATCH = 8
LOST = (2, 3, 11)  #: parts that a command that goes on has to make


class Dies(fleet.Answering):
    """A worker that is killed when it is given the sixth part, once."""

    def answer(self, part: int) -> tuple[int, int, bytes]:
        marker = Path(os.environ["MARKER"])
        if part == 5 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().answer(part)


def main(home: Path) -> None:
    os.chdir(home)
    os.environ["MARKER"] = str(home / "killed")
    model, on = "model.safetensors", {"on": "ray", "workers": 2, "batch": BATCH}
    finish, images = PartFolder.finish, dict[str, tuple[int, int]]()

    def keep_half(folder: PartFolder, *rest: object) -> None:
        shutil.copytree("killed.parquet", "begun.parquet")
        finish(folder, *rest)

    def run(name: str, *data: str) -> None:
        made = predict_to_file(model, *data, out=name, **on)
        images[name] = made.images, made.failed

    fleet.Answering = Dies
    with connected(import_ray(), 2, 10**6):
        seen = Watch()
        PartFolder.finish = keep_half
        run("killed.parquet", "photos")
        PartFolder.finish = finish
        run(f"file://{home}/far.parquet", "table.parquet", f"file://{home}/photos/deep")
        kept = {path.name: path.stat().st_mtime_ns for path in Path("begun.parquet").iterdir()}
        for part in LOST:
            Path(f"begun.parquet/part-{part:06}.parquet").unlink()
        run("begun.parquet", "photos")
        again = {path.name: path.stat().st_mtime_ns for path in Path("begun.parquet").iterdir()}
    anew = [name for name in again if name.startswith("part") and again[name] != kept[name]]
    print(json.dumps({"images": images, "anew": sorted(anew), "peers": sorted(seen.end())}))


class Watch:
    """Watches which addresses this process and its descendants are connected to."""

    def __init__(self) -> None:
        self._peers, self._over = set[str](), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> set[str]:
        self._over.set()
        self._thread.join()
        return self._peers

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            held = {link for pid in descendants(os.getpid()) for link in sockets(pid)}
            for name in ("tcp", "tcp6"):
                for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                    words = line.split()
                    if f"socket:[{words[9]}]" in held and words[3] != LISTENS:
                        self._peers.add(words[2].partition(":")[0][-8:])


LISTENS = "0A"


def descendants(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks)
    except OSError:
        return []
    return [pid, *(each for child in children.split() for each in descendants(int(child)))]


def sockets(pid: int) -> set[str]:
    found = set[str]()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found.add(str(link.readlink()))
            except OSError:
                continue
    except OSError:
        return set()
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
