"""What shards.json says of a folder of shards: read, and refused if `pack` does not write such."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from striate import storage
from striate.data.listing.columns import findings_from_json
from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import FINDINGS, Finding, os_reason
from striate.data.listing.target_spec import TargetSpec
from striate.data.shards.format import COUNT, INDEX, NAME, PATHS, TARGETS, TARGETS_VERSION, VERSION
from striate.data.shards.targets import read_codes, read_spec
from striate.errors import DataError, StorageError, printable

AGAIN = "copy it again, or pack the images anew"
_LARGEST = 2**30  #: bytes


class About(NamedTuple):
    """Content of shards.json."""

    class_names: tuple[str, ...]  #: of version 1
    targets: TargetSpec | None  #: of version 2
    codes: MaskCodes | None  #: of masks, in version 2
    images: int
    largest_megabytes: int
    #: name, bytes, SHA-256: index, paths and those of the targets, if any, which are read whole
    whole: tuple[tuple[str, int, str], ...]
    shards: tuple[tuple[str, int, str], ...]
    findings: dict[int, tuple[Finding, ...]]


def read_about(file: Path) -> About:
    """Read shards.json. Raises DataError."""
    try:
        if file.stat().st_size > _LARGEST:
            raise wrong(file, f"larger than {_LARGEST:,} bytes; {AGAIN}")
        values = storage.read_json(file, AGAIN)
        if (version := values["version"]) not in (VERSION, TARGETS_VERSION):
            text = f"version {version!r} is not {VERSION} or {TARGETS_VERSION}"
            raise wrong(file, f"{text}; pack the images anew, or use a newer striate")
        about = _parse(values)
    except StorageError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise wrong(file, f"{os_reason(error)}; {AGAIN}") from error
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise wrong(file, f"not what `striate pack` writes; {AGAIN}") from error
    _check_names(file, [name for name, _, _ in (*about.whole, *about.shards)], about.class_names)
    return about


def wrong(file: Path | str, what: str) -> DataError:
    """Return the error that names a file."""
    return DataError(f"{printable(str(file))}: {what}")


def _parse(values: Any) -> About:
    """Raises ValueError, KeyError, TypeError, IndexError or OverflowError for anything odd."""
    labeled = values["version"] == VERSION
    spec = None if labeled else read_spec(values["targets"])
    masked = spec is not None and spec.kind in ("mask", "pair")
    files = tuple((str(name), int(size), str(digest)) for name, size, digest in values["files"])
    more = () if labeled else (tuple(values["targets_file"]),)
    about = About(
        tuple(map(str, values["class_names"])) if labeled else (),
        spec,
        read_codes(values["codes"], spec) if spec and masked else None,
        int(values[COUNT]),
        int(values["largest_megabytes"]),
        (*files[:2], *((str(name), int(size), str(digest)) for name, size, digest in more)),
        files[2:],
        findings_from_json(values["findings"]),
    )
    odd = not all(about.class_names) or any(
        f.kind not in FINDINGS for found in about.findings.values() for f in found
    )
    wanted = [INDEX, PATHS, *([TARGETS] if spec else [])]
    names = [name for name, _, _ in about.whole]
    if odd or names != wanted or not about.shards or about.images < 1:
        raise ValueError
    return about


def _check_names(file: Path, names: list[str], class_names: tuple[str, ...]) -> None:
    for name in names:
        if name not in (INDEX, PATHS, TARGETS) and not NAME.fullmatch(name):
            raise wrong(file, f"{name!r} is no shard's name; expected one as in shard-000003.tar")
    for kind, listed in (("shard", names), ("class", class_names)):
        if len(set(listed)) < len(listed):
            twice = next(name for name in listed if listed.count(name) > 1)
            raise wrong(file, f"names the {kind} {twice!r} twice; {AGAIN}")
