"""Tables of how images are read: many of them, and large ones."""

from __future__ import annotations

from typing import Any

from tabulated.grid import grid, spread


def million(record: dict[str, Any]) -> str:
    """Seconds and peaks of memory of each question, for each number of images."""
    sets = {int(count): entry for count, entry in record["sets"].items()}
    machine, (few, many) = record["machine"], sorted(sets)[:: max(1, len(sets) - 1)]
    head = (
        f"Gray JPEGs of 28x28 pixels in {record['data']}. Measured {record['date']} on "
        f"{machine['cpu']}, {machine['cores']} cores; n = 1."
    )
    names = {"list": "listed", "check": "checked", "train": "trained, to the first report"}
    rows = list[tuple[str, ...]]()
    for question, name in names.items():
        entries = [sets[count][question] for count in sorted(sets)]
        cells = (
            f"{entry['seconds']:,.2g} s, {entry['own'] / 1e6:,.0f} ({entry['resident'] / 1e6:,.0f})"
            for entry in entries
        )
        grown = (sets[many][question]["own"] - sets[few][question]["own"]) / (many - few)
        rows.append((name, *cells, f"{grown:,.0f}"))
    heads = (
        "",
        *(f"{count:,} images: time, peak MB (with mapped files)" for count in sorted(sets)),
        "bytes for each more image",
    )
    return f"{head}\n\n{grid(heads, ['---', *['---:'] * (len(heads) - 1)], rows)}\n"


def scaled_decoding(record: dict[str, Any]) -> str:
    """Milliseconds of an image, whole and scaled, and how far the pixels are apart."""
    machine = record["machine"]
    head = (
        f"Processor time of an image for 224x224 pixels. Measured {record['date']} on "
        f"{machine['cpu']}, one core, with Pillow {record['versions']['pillow']}; medians of n = "
        f"{record['n']}, least and most in brackets."
    )
    rows = [
        (
            size,
            f"{entry['bytes'] / 1e3:,.0f} kB",
            spread(entry["whole"], 1),
            spread(entry["scaled"], 1),
            f"{entry['whole']['median'] / entry['scaled']['median']:.1f}",
            f"{entry['difference']:.2f}",
        )
        for size, entry in record["sizes"].items()
    ]
    heads = ("pixels", "file", "whole, ms", "scaled, ms", "ratio", "mean difference, of 255")
    return f"{head}\n\n{grid(heads, ['---', *['---:'] * 5], rows)}\n"


def report_page(record: dict[str, Any]) -> str:
    """Megabytes and seconds of a report in each format."""
    head = (
        f"A report of {record['images']:,} images that a network sees at {record['side']}x"
        f"{record['side']} pixels. Measured {record['date']} on {record['machine']['cpu']}, one "
        "core, once each."
    )
    rows = [
        (
            str(page["classes"]),
            page["form"],
            f"{page['megabytes']:.2f}",
            f"{page['seconds']:.1f}",
        )
        for page in record["pages"]
    ]
    heads = ("classes", "format", "MB", "seconds")
    return f"{head}\n\n{grid(heads, ['---:', '---', '---:', '---:'], rows)}\n"


def near_duplicates(record: dict[str, Any]) -> str:
    """Shares of changed copies that are found, pairs of originals, and seconds of the search."""
    head = (
        f"**{record['data']}**: {record['images']:,} images, and {record['planted']:,} of them "
        f"changed in each way. Measured {record['date']} on {record['machine']['cpu']}, "
        f"{record['machine']['cores']} cores, with imagededup {record['versions']['imagededup']}; "
        "n = 1."
    )
    seconds = record["seconds"]
    counts = list(seconds["striate"])
    rows = [
        (
            name,
            *(f"{100 * share:.0f}%" for share in found["recall"].values()),
            f"{found['pairs_of_originals']:,}",
            *(f"{seconds[name][each]:.2g}" if each in seconds[name] else "–" for each in counts),
        )
        for name, found in record["found"].items()
    ]
    changes = record["found"]["striate"]["recall"]
    searched = (f"search of {int(each):,}, s" for each in counts)
    heads = ("", *changes, "pairs of originals", *searched)
    return f"{head}\n\n{grid(heads, ['---', *['---:'] * (len(heads) - 1)], rows)}\n"
