"""File format of shards, written by `shard_writer` and validated by `reader`.

    shard-000000.tar ...   WebDataset's format, plain ustar; image bytes are unchanged:
                           0000000007.jpg, 0000000007.cls (its label), 0000000007.json (path, class)
                           with masks 0000000007.jpg, 0000000007.mask.png, 0000000007.json
                           of pairs 0000000007.jpg, 0000000007.target.png, 0000000007.json
    index.npy              (N,) of ENTRY, in listing order; can be memory-mapped
    paths.bin              the N paths concatenated, as on disk; then those of the N masks
    targets.npy            targets that are no class, in version 2, without .cls then: (N, ...)
                           labels or numbers, (N, M, 6) boxes, or (N,) of `mask_entry`
    shards.json            class names, findings, size and SHA-256 of all of these

Samples are ordered by the SHA-256 of their paths, so that readers that only shuffle within a
buffer see all classes mixed; the number in a sample's name is its row of the index.
"""

from __future__ import annotations

import re

import numpy as np

from striate.data.listing.columns import mask_record

#: version of shards whose images have a class, and of those with other targets
VERSION, TARGETS_VERSION = 1, 2
INDEX, PATHS, ABOUT, TARGETS = "index.npy", "paths.bin", "shards.json", "targets.npy"
COUNT = "pictures"  #: key of the number of images in shards.json, in version 1
NAME = re.compile(r"shard-\d{6}\.tar")
ENTRY = np.dtype(
    [
        ("digest", "u1", 32),  #: SHA-256 of the image's bytes
        ("offset", "<u8"),  #: of its first byte in the shard
        ("path", "<u8"),  #: offset of its path in paths.bin
        ("length", "<u4"),
        ("shard", "<u4"),
        ("label", "<u4"),
        ("width", "<u4"),
        ("height", "<u4"),
        ("channels", "u1"),
        ("part", "u1"),  #: an index of SPLITS, or NO_SPLIT
    ]
)
#: image format -> file suffix that other readers can decode
SUFFIXES = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "PPM": "ppm",
}


def mask_entry(classes: int) -> np.dtype[np.void]:
    """Return the type of what is known of a mask: its record, and where it and its path are."""
    return np.dtype(
        [
            *mask_record(classes).descr,
            ("offset", "<u8"),  #: of its first byte in the shard of its image
            ("path", "<u8"),  #: offset of its path in paths.bin
            ("length", "<u4"),
        ]
    )


def shard_name(number: int) -> str:
    return f"shard-{number:06}.tar"
