"""Make the images of the documentation, which are kept in the repository.

    python scripts/make_pictures.py            # the drawing of a network, filters, a sheet
    striate demo
    python scripts/make_pictures.py runs/demo  # and the report of that run, as a browser shows it

The report needs Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import striate
from striate.data.prepare import record_images
from striate.images.contact_sheet import draw_sheet
from striate.images.gallery import draw_gallery
from striate.options import CheckOptions
from striate.progress import drain

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SAMPLES = Path(striate.__file__).parent / "vision" / "samples"
TARGET = IMAGES / "report.png"
WIDTH, HEIGHT = 1240, 1302
MARGIN = 56  #: of the page, left and right
LARGEST_BYTES = 150_000
GUIDE_WIDTH = 1200


def drawing(network: str) -> None:
    """What the guide shows of `describe --out`."""
    target = IMAGES / f"{network}.svg"
    target.write_text(striate.describe(network).to_svg(), "utf-8")
    print(f"{target}: {target.stat().st_size:,} bytes")


def filters() -> None:
    """What the guide shows of `filter`: one kernel on an image, and all of them."""
    one = striate.filter("sample:camera", "sobel-x", border="reflect").figure()
    every = draw_gallery("sample:camera", border="reflect")
    for name, figure in (("filter", one), ("kernels", every)):
        target = IMAGES / f"{name}.webp"
        high = round(figure.height * GUIDE_WIDTH / figure.width)
        small = figure.resize((GUIDE_WIDTH, high), Image.Resampling.LANCZOS)
        small.save(target, quality=85, method=6)
        print(f"{target}: {small.width} x {small.height} pixels, {target.stat().st_size:,} bytes")


def augmentation() -> None:
    """What the guide shows of `check --augment`: three sample images."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cat.jpg", "camera.png", "crosses.png"):
            place = Path(folder) / Path(name).stem
            place.mkdir()
            shutil.copy(SAMPLES / name, place)
        ranges = "saturation=0.3,hue=20,shear=10,erase=0.2"
        figure = draw_sheet(
            folder,
            *drain(record_images(folder)),
            CheckOptions(augment="strong", augment_params=ranges),
        )
    target = IMAGES / "augmentation.webp"
    high = round(figure.height * GUIDE_WIDTH / figure.width)
    small = figure.resize((GUIDE_WIDTH, high), Image.Resampling.LANCZOS)
    small.save(target, quality=85, method=6)
    print(f"{target}: {small.width} x {small.height} pixels, {target.stat().st_size:,} bytes")


def report(run: str) -> None:
    """What the README shows of `demo`."""
    page = (Path(run) / "report.html").resolve(strict=True)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("Chromium is needed: install it with the system's packages")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={shot}", page.as_uri()),
            ],
            check=True,
            capture_output=True,
        )
        image = Image.open(shot).convert("RGB").crop((MARGIN, 0, WIDTH - MARGIN, HEIGHT))
    image = image.quantize(128, dither=Image.Dither.NONE)
    TARGET.parent.mkdir(exist_ok=True)
    image.save(TARGET, optimize=True)
    size = TARGET.stat().st_size
    print(f"{TARGET}: {image.width} x {image.height} pixels, {size:,} bytes")
    assert size < LARGEST_BYTES


if __name__ == "__main__":
    drawing("lenet5")
    filters()
    augmentation()
    for folder in sys.argv[1:]:
        report(folder)
