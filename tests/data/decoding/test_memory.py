"""Decoding takes no more memory than it was said to need, in whatever form an image is stored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from striate.data.decoding.decode import decode
from striate.data.decoding.files import read_content
from tests.data.images import deep_png, encoded, noise

SIDE = 2400
#: The peak of each image that is named, in a fork of a process that has decoded nothing but these:
MEASURED = """
import io, json, os, sys
from PIL import Image
from striate.data.decoding.decode import decode
from striate.data.decoding import sixteen_bit, tiff_values
from striate.data.decoding.preprocess import Preprocess

for form in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"):  # what is loaded once is no image's
    file = io.BytesIO()
    Image.new("RGB", (40, 40)).save(file, form)
    decode(file.getvalue(), form)

def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

def measured(path, needed):
    open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
    before, fit = peak(), Preprocess(64, 3)
    image, record = decode(path, "a", largest_megabytes=needed)
    if image is None:
        return str(record)
    assert fit.to_array(image).shape == (64, 64, 3)
    return peak() - before

found = {}
for form, (path, needed) in json.loads(sys.argv[1]).items():
    here, there = os.pipe()
    if (child := os.fork()) == 0:
        os.write(there, json.dumps(measured(path, needed)).encode())
        os._exit(0)
    os.close(there)
    found[form] = json.loads(os.read(here, 10**4) or b"null")
    os.waitpid(child, 0)
print(json.dumps(found))
"""


def image() -> Image.Image:
    return noise(SIDE, SIDE)


def deep(channels: int) -> bytes:
    gray = np.asarray(image().convert("L")).astype(np.uint16) * 257
    return deep_png(np.stack([gray] * channels, -1))


def veiled() -> Image.Image:
    loaded = image().convert("RGBA")
    loaded.putalpha(image().convert("L"))
    return loaded


FORMS: dict[str, Callable[[], bytes]] = {
    "gray PNG": lambda: encoded(image().convert("L")),
    "PNG": lambda: encoded(image()),
    "PNG with alpha": lambda: encoded(veiled()),
    "gray PNG with alpha": lambda: encoded(veiled().convert("LA")),
    "PNG with a palette": lambda: encoded(image().quantize(64)),
    "transparent PNG with a palette": lambda: encoded(image().quantize(64), transparency=3),
    "PNG of 1 bit": lambda: encoded(image().convert("1")),
    "gray PNG of 16 bits": lambda: deep(1),
    "gray PNG of 16 bits with alpha": lambda: deep(2),
    "PNG of 16 bits": lambda: deep(3),
    "PNG of 16 bits with alpha": lambda: deep(4),
    "JPEG": lambda: encoded(image(), "JPEG"),
    "turned JPEG": lambda: encoded(image(), "JPEG", exif=_turned()),
    "JPEG in passes": lambda: encoded(image(), "JPEG", progressive=True),
    "fine JPEG in passes": lambda: encoded(image(), "JPEG", progressive=True, subsampling=0),
    "CMYK JPEG": lambda: encoded(image().convert("CMYK"), "JPEG"),
    "CMYK JPEG in passes": lambda: encoded(image().convert("CMYK"), "JPEG", progressive=True),
    "TIFF": lambda: encoded(image(), "TIFF"),
    "TIFF with alpha": lambda: encoded(veiled(), "TIFF"),
    "LZW TIFF": lambda: encoded(image(), "TIFF", compression="tiff_lzw"),
    "JPEG in TIFF": lambda: encoded(image(), "TIFF", compression="jpeg"),
    "turned TIFF": lambda: encoded(image(), "TIFF", tiffinfo={274: 6}),
    "CMYK TIFF": lambda: encoded(image().convert("CMYK"), "TIFF"),
    "fax": lambda: encoded(image().convert("1"), "TIFF", compression="group4"),
    "WEBP": lambda: encoded(image(), "WEBP"),
    "GIF": lambda: encoded(image().quantize(64), "GIF"),
    "BMP": lambda: encoded(image(), "BMP"),
    "PPM": lambda: encoded(image(), "PPM"),
    "PPM of another largest value": lambda: (
        b"P6 %d %d 200\n" % (SIDE, SIDE) + np.minimum(np.asarray(image()), 200).tobytes()
    ),
}


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[274] = 6
    return exif


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """The file of each form, and the megabytes that it is refused with."""
    folder, found = tmp_path_factory.mktemp("forms"), dict[str, tuple[str, int]]()
    for form, data in FORMS.items():
        path = folder / form
        path.write_bytes(data())
        image, record = decode(read_content(path, 10**9), "a", largest_megabytes=1)
        assert image is None, form
        said = record.findings[0].detail
        found[form] = str(path), int(said.partition(" need ")[2].partition(" MB")[0])
    return found


@pytest.fixture(scope="module")
def peaks(needed: dict[str, tuple[str, int]]) -> dict[str, int]:
    """The bytes that decoding takes with as many megabytes."""
    command = [sys.executable, "-c", MEASURED, json.dumps(needed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is told by Linux")
@pytest.mark.parametrize("form", FORMS)
def test_an_image_is_refused_with_a_number_that_is_then_enough(
    form: str, needed: dict[str, tuple[str, int]], peaks: dict[str, int]
) -> None:
    room = 6e6  # for rows that are converted, and what a library keeps
    assert peaks[form] <= 1.15 * needed[form][1] * 1e6 + room
    assert peaks[form] >= 0.5 * needed[form][1] * 1e6  # nor is it refused for nothing
