"""Images in a folder, found by the names that lists of boxes have for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from striate.data.listing.samples import Split
from striate.data.listing.split_names import split_and_rest


class ImageFinder:
    """The images of a folder by their paths, names and stems."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = frozenset(paths)
        self._named: dict[str, list[str]] = {}
        for path in paths:
            name = path.rpartition("/")[2]
            for key in {name, name.rpartition(".")[0] or name}:
                self._named.setdefault(key, []).append(path)

    def find(self, name: str, home: str = "", split: Split | None = None) -> str | None:
        """Return the path of an image that a file in `home` calls `name`; None if there is none.

        It is the image at that path, or the only one whose path ends so, with or without suffix;
        of several, one that is in the file's folder or in a folder of its `split`.
        """
        name = name.replace("\\", "/").removeprefix("./").strip("/")
        for path in (f"{home}/{name}", name):
            if path in self.paths:
                return path
        parts = name.split("/")
        found, ending = self._named.get(parts[-1], []), list[str]()
        while parts and not ending:  # folders of the computer where the file was written go first
            ending, parts = _ending(found, "/".join(parts)), parts[1:]
        near = [path for path in ending if home and path.startswith(f"{home}/")]
        near = near or [path for path in ending if split and folder_split(path) == split]
        found = ending if len(ending) == 1 else near
        return found[0] if len(found) == 1 else None


def folder_split(path: str) -> Split | None:
    """Return the split that a folder of a path names, the innermost first."""
    for folder in reversed(Path(path).parent.parts):
        split, _ = split_and_rest(folder)
        if split:
            return split
    return None


def _ending(paths: Sequence[str], name: str) -> list[str]:
    """Return the paths that end in a name, whose suffix may be missing."""
    return [
        path for path in paths
        if f"/{path}".endswith(f"/{name}") or f"/{path.rpartition('.')[0]}".endswith(f"/{name}")
    ]  # fmt: skip
