"""Make the picture of the README: the report of a run of `striate demo`, as a browser shows it.

    striate demo
    python scripts/make_pictures.py runs/demo

Needs Chromium; the picture is kept in the repository.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "report.png"
WIDTH, HEIGHT = 1240, 1222
MARGIN = 56  #: of the page, left and right
LARGEST_BYTES = 150_000


def main(run: str) -> None:
    page = (Path(run) / "report.html").resolve()
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
    main(sys.argv[1])
