"""How shards lie on the disk: what `writing` writes and `reading` holds every byte against.

    shard-000000.tar ...   WebDataset's format, plain ustar; an image's bytes stay as they are:
                           0000000007.jpg, 0000000007.cls (its label), 0000000007.json (path, class)
    index.npy              (N,) of ENTRY, in the order of the listing; can be mapped into memory
    paths.bin              the N paths one after the other, as the disk had them
    shards.json            class names, what was found, size and SHA-256 of all of these

Samples stand in the order of the SHA-256 of their paths, so that readers which only shuffle what
lies close together see all classes mixed; the number in a sample's name is its row of the index.
"""

from __future__ import annotations

import re

import numpy as np

VERSION = 1
INDEX, PATHS, ABOUT = "index.npy", "paths.bin", "shards.json"
NAME = re.compile(r"shard-\d{6}\.tar")
ENTRY = np.dtype(
    [
        ("digest", "u1", 32),  #: SHA-256 of the image's bytes
        ("offset", "<u8"),  #: of its first byte in the shard
        ("path", "<u8"),  #: where its path begins in paths.bin
        ("length", "<u4"),
        ("shard", "<u4"),
        ("label", "<u4"),
        ("width", "<u4"),
        ("height", "<u4"),
        ("channels", "u1"),
        ("part", "u1"),  #: an index of PARTS, or NO_PART
    ]
)
#: format of an image -> what its file is called, so that other readers know how to decode it
SUFFIXES = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "PPM": "ppm",
}


def shard_name(number: int) -> str:
    return f"shard-{number:06}.tar"
