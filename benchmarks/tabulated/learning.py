"""What was learned, and by which options."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, listed, measured_on

DATALAB_LIMIT = 0.3  #: its default, below which a property is named
#: the curves, as the page that includes the table finds them
DRAWN = (
    "![Share wrong after each epoch, by depth](../images/degradation.svg)",
    "![Share wrong after each epoch, with and without norms](../images/batch-norm.svg)",
)


def degradation(record: dict[str, Any]) -> str:
    """Shares wrong after the last epoch, and the least on validation."""
    parts = record["images"]
    head = (
        f"**{record['data']}**: {parts['train']:,} images to train on, "
        f"{parts['validation']:,} to validate, {record['epochs']} epochs, seed {record['seed']}, "
        f"on {record['device']}. {measured_on(record)}; n = 1."
    )
    rows = [(name, *learned(curve)) for name, curve in record["curves"].items()]
    heads = ("network", "train, wrong", "validation, wrong", "its least", "epochs", "seconds")
    table = grid(heads, ["---", *["---:"] * (len(heads) - 1)], rows)
    failed = [
        f"{name}: {curve['failed']}." for name, curve in record["curves"].items() if curve["failed"]
    ]
    versions = listed(record["versions"])
    return "\n\n".join([*DRAWN, head, table, *failed, versions]) + "\n"


def learned(curve: dict[str, Any]) -> tuple[str, ...]:
    if not curve["train"]:
        return ("–", "–", "–", "0", f"{curve['seconds']:.0f}")
    return (
        f"{curve['train'][-1]:.1%}",
        f"{curve['validation'][-1]:.1%}",
        f"{min(curve['validation']):.1%}",
        str(len(curve["train"])),
        f"{curve['seconds']:.0f}",
    )


def defaults(record: dict[str, Any]) -> str:
    """The share right for each value of each option."""
    parts = record["images"]
    head = (
        f"**{record['data']}**: {record['network']}, {parts['train']:,} images to train on, "
        f"{parts['validation']:,} to validate, {record['epochs']} epochs; the default is bold. "
        f"{measured_on(record)}. Means of n = {record['n']} seeds, least and most in brackets; the "
        "interval is that of as many images."
    )
    rows = [
        (f"`{name}`", f"**{value}**" if entry["default"] else value, *share(entry, record["n"]))
        for name, values in record["changes"].items()
        for value, entry in values.items()
    ]
    heads = ("option", "value", "right", "95% interval", "diverged")
    table = grid(heads, ["---", "---", *["---:"] * 3], rows)
    return f"{head}\n\n{table}\n\n{listed(record['versions'])}\n"


def share(entry: dict[str, Any], n: int) -> tuple[str, str, str]:
    """Of the validation images right, where any seed reached the end."""
    right, failed = entry["accuracy"], f"{entry['failed']} of {n}" if entry["failed"] else ""
    if right is None:
        return "–", "–", failed
    mean = f"{right['value']:.1%} ({entry['min']:.1%} to {entry['max']:.1%})"
    return mean, f"{right['low']:.1%} to {right['high']:.1%}", failed


def transferability(record: dict[str, Any]) -> str:
    """The figure of each way of transferring, by the stages kept."""
    picture = "![Accuracy on B against the stages kept](../images/transferability.svg)"
    head = (
        f"**{record['data']}**: {record['images']:,} images; A is {record['a']}, B "
        f"{record['b']}; {record['network']}, {record['epochs']} epochs, {record['seeds']} seeds, "
        f"{record['trainings']} trainings in {record['seconds'] / 60:.1f} minutes. "
        f"{measured_on(record)}."
    )
    return (
        "\n\n".join([picture, head, record["table"], record["advice"], listed(record["versions"])])
        + "\n"
    )


#: what is planted -> the traits by which it is named rightly
_REASONS = {
    "mark": {"corners"},
    "soft mark": {"corners"},
    "border": {"border"},
    "height": {"size", "aspect ratio"},
    "quality": {"JPEG quality"},
}
#: what a class may be: named, but as that
_LOOKS = {"color", "brightness", "sharpness", "color, brightness and sharpness"}


def shortcuts(record: dict[str, Any]) -> str:
    """Where planted shortcuts were named, by how many of the images of the class have them."""
    head = (
        f"Up to {record['images']} images of a class, one class changed; measured "
        f"{record['date']}, n = 1."
    )
    folders = list(dict.fromkeys(row["folder"] for row in record["rows"]))
    rows = [
        (kind, *(_named(record, folder, kind) for folder in folders), _by_datalab(record, kind))
        for kind in _REASONS
    ]
    rows.append(("nothing", *(_others(record, folder) for folder in folders), ""))
    heads = ("planted", *folders, "by Datalab")
    return f"{head}\n\n{grid(heads, ['---'] * len(heads), rows)}\n"


def _named(record: dict[str, Any], folder: str, kind: str) -> str:
    shares = [
        "all" if row["share"] == 1 else "four in five"
        for row in record["rows"]
        if (row["folder"], row["planted"]) == (folder, kind)
        and _REASONS[kind] & set(row["found"].get(row["class"], ()))
    ]
    return ", ".join(shares) or "–"


def _by_datalab(record: dict[str, Any], kind: str) -> str:
    rows = [row for row in record["rows"] if row["planted"] == kind and row["datalab"]]
    named = sum(min(row["datalab"].values()) < DATALAB_LIMIT for row in rows)
    return f"{named} of {len(rows)}" if rows else "–"


def _others(record: dict[str, Any], folder: str) -> str:
    """Tell which classes were named where nothing was planted."""
    (row,) = (
        row for row in record["rows"] if (row["folder"], row["planted"]) == (folder, "nothing")
    )
    named = [
        f"“{name}” by its looks" if set(groups) <= _LOOKS and groups else f"“{name}” wrongly"
        for name, groups in row["found"].items()
    ]
    return ", ".join(named) or "none"


def rejection(record: dict[str, Any]) -> str:
    """Shares rejected of a class that a network never saw, and what heads had said of it."""
    options = ", ".join(f"{name} {value}" for name, value in record["options"].items())
    head = (
        f"**{record['data']}** ({options}), {100 * record['share']:g}% of the known images to be "
        f"rejected, {100 * record['known']:.1f}% were. Measured {record['date']}; n = 1 training "
        "of each network."
    )
    rows = [
        (
            row["class"],
            f"{row['images']:,}",
            f"{100 * row['said']:.0f}%",
            "{:.0f}% ({:.0f} to {:.0f})".format(
                *(100 * share for share in (row["came"], *row["interval"]))
            ),
        )
        for row in record["classes"]
    ]
    rows.append(("mean", "", f"{100 * record['said']:.0f}%", f"{100 * record['came']:.0f}%"))
    heads = ("class never seen", "images", "said by heads", "rejected (95 % interval)")
    made = ", ".join(f"{name} {100 * share:.0f}%" for name, share in record["foreign"].items())
    table = grid(heads, ["---", "---:", "---:", "---:"], rows)
    return f"{head}\n\n{table}\n\nMade images, by the network of all classes: {made}.\n"
