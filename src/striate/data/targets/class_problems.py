"""Reasons why a labeled data set cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from striate.data.listing.columns import NO_SPLIT, Records, Samples
from striate.data.listing.samples import (
    SPLITS,
    Finding,
    Split,
    fold_case,
    quote_distinct,
)
from striate.data.listing.split_names import split_of
from striate.text import count_noun

_TREE = "cat/1.jpg", "dog/2.jpg"
_LINKS = {"outside link", "dangling link", "loop"}


def find_problems(
    class_names: Sequence[str],
    images: Samples,
    candidates: Samples | None = None,
    findings: Collection[Finding] = (),
) -> tuple[str, ...]:
    """Return every reason against training on the images, most serious first; empty if none.

    `images` are the usable ones. `candidates` (all listed images) and the `findings` of the
    listing distinguish an empty class from one whose images are broken.
    """
    candidates = images if candidates is None else candidates
    if not class_names:
        return (_without_classes(findings),)
    if not images:
        return (_without_images(candidates, findings),)
    return (
        *_single(class_names, images),
        *_empty(class_names, images, candidates, findings),
        *_lonely(class_names, images),
        *_uneven(class_names, images),
        *_alike(class_names),
    )


def find_open_problems(
    class_names: Sequence[str],
    images: Samples,
    candidates: Samples,
    findings: Collection[Finding],
) -> tuple[str, ...]:
    """Return the same where a class may be in some splits only, and alone in training."""
    if not class_names:
        return (_without_classes(findings),)
    if not images:
        return (_without_images(candidates, findings),)
    return (
        *_empty(class_names, images, candidates, findings),
        *_untrained(_held(images), len(images)),
        *_alike(class_names),
    )


def find_copies(class_names: Sequence[str], images: Samples, records: Records) -> tuple[str, ...]:
    """Return classes whose files are all copies of one image: none is left for validation."""
    digests, labels = records.digests, images.labels
    firsts = np.full((len(class_names), 32), 0, np.uint8)
    firsts[labels] = digests
    alike = (digests == firsts[labels]).all(axis=1)
    counts = np.bincount(labels, minlength=len(class_names))
    differing = np.bincount(labels[~alike], minlength=len(class_names))
    return tuple(
        f"all {counts[label]:,} images of class {name!r} are copies of one; "
        "expected at least two different ones of a class"
        for label, name in enumerate(class_names)
        if differing[label] == 0
    )


def _without_classes(findings: Collection[Finding]) -> str:
    loose = [finding.path for finding in findings if finding.kind == "stray"]
    links = sum(finding.kind in _LINKS for finding in findings)
    found = "there are no class folders"
    if loose:
        found = f"there are no class folders, only {count_noun(len(loose), 'loose file')}"
    elif links:
        which = "a link, which is" if links == 1 else f"{links:,} links, which are"
        found = f"there are no class folders, only {which} not followed"
    data = next((path for path in loose if path.lower().endswith((".csv", ".npz"))), None)
    hint = f" (or give {data!r} itself)" if data else ""
    return "\n    ".join((f"{found}; expected a folder for each class{hint}:", *_TREE))


def _without_images(candidates: Samples, findings: Collection[Finding]) -> str:
    if not candidates:
        if any(finding.kind == "unreadable" for finding in findings):
            return "the class folders cannot be read; make them readable"
        return "the class folders hold no images; fill them"
    if len(candidates) == 1:
        return "the only image cannot be used; replace it"
    return f"none of the {len(candidates):,} images can be used; replace them"


def _single(class_names: Sequence[str], images: Samples) -> Iterator[str]:
    if len(class_names) > 1:
        return
    name = class_names[0]
    steps = (image.path.split("/") for image in images)
    inner = sorted({step[1] for step in steps if len(step) > 2 and step[0] == name})
    hint = f"; for its folders {_named(inner)}, give {name!r} itself" if len(inner) > 1 else ""
    count = count_noun(len(images), "image")
    yield f"there is only one class, {name!r}, with {count}; expected at least two{hint}"


def _empty(
    class_names: Sequence[str],
    images: Samples,
    candidates: Samples,
    findings: Collection[Finding],
) -> Iterator[str]:
    """Yield classes without an image: empty or unreadable folders, and broken images."""
    usable = set(np.unique(images.labels).tolist())
    listed = np.bincount(candidates.labels, minlength=len(class_names))
    missing = [
        name for label, name in enumerate(class_names) if label not in usable and not listed[label]
    ]
    unreadable = {_class(f.path) for f in findings if f.kind == "unreadable"}
    closed = [name for name in missing if name in unreadable]
    if empty := [name for name in missing if name not in unreadable]:
        folders = "folder" if len(empty) == 1 else "folders"
        yield f"{_classes(empty)} {_have(empty)} no images; add some or remove the {folders}"
    if closed:
        folders, them = ("folder", "it") if len(closed) == 1 else ("folders", "them")
        yield f"the {folders} of {_classes(closed)} cannot be read; make {them} readable"
    for label, name in enumerate(class_names):
        if label in usable or not listed[label]:
            continue
        if listed[label] == 1:
            which = f"the one image of class {name!r} cannot be used"
            yield f"{which}; replace it or remove the class"
        else:
            which = f"none of the {listed[label]:,} images of class {name!r} can be used"
            yield f"{which}; replace them or remove the class"


def _lonely(class_names: Sequence[str], images: Samples) -> Iterator[str]:
    """Yield classes with one image, which cannot be both trained on and validated."""
    train = images.splits == SPLITS.index("train")
    learned = images.labels[train | (images.splits == NO_SPLIT)]
    counts = np.bincount(learned, minlength=len(class_names))
    where = " in train" if train.any() else ""
    if lonely := [name for label, name in enumerate(class_names) if counts[label] == 1]:
        have = "has" if len(lonely) == 1 else "each have"
        yield f"{_classes(lonely)} {have} one image{where}; expected at least two of a class"


def _uneven(class_names: Sequence[str], images: Samples) -> Iterator[str]:
    """Yield splits whose classes differ."""
    held = _held(images)
    if not held["train"]:
        yield from _untrained(held, len(images))
        return
    for split in SPLITS[1:]:
        strange = [class_names[label] for label in sorted(held[split] - held["train"])]
        lacking = [class_names[label] for label in sorted(held["train"] - held[split])]
        if strange:
            what = f"{_have(strange)} images in {split}, but none in train"
            yield f"{_classes(strange)} {what}; move some there"
        if lacking and held[split]:
            yield f"{_classes(lacking)} {_have(lacking)} no images in {split}; move some there"


def _untrained(held: Mapping[Split, set[int]], images: int) -> Iterator[str]:
    """Yield that no image is there to train on."""
    if not held["train"]:
        splits = " and ".join(split for split in SPLITS if held[split])
        yield f"there are no images to train on: all {images:,} are in {splits}"


def _held(images: Samples) -> dict[Split, set[int]]:
    """Return the classes of each split; images without one count as training images."""
    splits = np.where(images.splits == NO_SPLIT, SPLITS.index("train"), images.splits)
    return {
        split: set(np.unique(images.labels[splits == number]).tolist())
        for number, split in enumerate(SPLITS)
    }


def _alike(class_names: Sequence[str]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for name in class_names:
        groups.setdefault(fold_case(name), []).append(name)
    for group in groups.values():
        if len(group) > 1:
            names = " and ".join(quote_distinct(group))
            yield f"classes {names} differ only in case or Unicode form; merge or rename them"


def _class(folder: str) -> str:
    """Return the class of this folder; a deeper folder has none."""
    split, slash, name = folder.partition("/")
    return name.rpartition("/")[2] if slash and split_of(split) else folder


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _classes(names: Sequence[str]) -> str:
    return f"class {names[0]!r}" if len(names) == 1 else f"classes {_named(names)}"


def _named(names: Sequence[str]) -> str:
    """Return 'a', 'b' and 'c'; or up to three and the number of others."""
    quoted = [repr(name) for name in names]
    if len(quoted) > 4:
        quoted = [*quoted[:3], f"{len(quoted) - 3:,} more"]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
