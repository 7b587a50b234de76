"""Make the sample images and the ECG of striate.vision.

    pip download --no-deps scikit-image==0.26.0 PyWavelets==1.9.0
    unzip scikit_image-*.whl 'skimage/data/*' && unzip pywavelets-*.whl 'pywt/data/*'
    python scripts/make_samples.py .

Photographs and the ECG come from these two packages; the drawings are made here. Run once; the
results are kept in the repository.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

TARGET = Path(__file__).parents[1] / "src" / "striate" / "vision" / "samples"
SIDE = 256
FINE = 4  # a drawing is made so many times as large, for smooth edges
INK, PAPER = 0, 255
SUFFIXES = (".png", ".jpg", ".npy")
LARGEST_BYTES = 400_000


def photographs(source: Path) -> None:
    """Reduced from photographs whose photographers gave up their rights (CC0)."""
    data = source / "skimage" / "data"
    for name in ("camera", "brick"):
        _reduced(Image.open(data / f"{name}.png"), (0, 0, 512, 512)).save(
            TARGET / f"{name}.png", optimize=True
        )
    cat = _reduced(Image.open(data / "chelsea.png"), (68, 0, 368, 300))
    cat.save(TARGET / "cat.jpg", quality=92, subsampling=0, optimize=True)


def _reduced(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    return image.crop(box).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def ecg(source: Path) -> None:
    signal = np.load(source / "pywt" / "data" / "ecg.npz", allow_pickle=False)["data"]
    np.save(TARGET / "ecg.npy", signal.astype(np.int16))


def zone_plate() -> None:
    """Rings that become finer outwards: half a wave in a pixel where they reach the sides."""
    offset = np.arange(SIDE) - SIDE / 2
    rings = np.cos(np.pi * (offset[:, None] ** 2 + offset**2) / SIDE)
    _save(np.round(127.5 * (1 + rings)), "zone-plate")


def checkerboard() -> None:
    rows, columns = np.indices((SIDE, SIDE)) // (SIDE // 8)
    _save(PAPER * ((rows + columns) % 2), "checkerboard")


def shapes() -> None:
    """Disc, ring, square, triangle, lines and a ramp in several grays."""
    page, pen = _page()
    pen.ellipse(_fine(20, 20, 84, 84), fill=INK)
    pen.ellipse(_fine(100, 20, 164, 84), outline=64, width=8 * FINE)
    pen.rectangle(_fine(180, 20, 236, 84), fill=128)
    pen.polygon(_fine(20, 164, 52, 104, 84, 164), fill=96)
    pen.rectangle(_fine(100, 104, 164, 164), outline=INK, width=2 * FINE)
    pen.rectangle(_fine(116, 120, 148, 148), fill=200)
    for at in range(5):
        pen.line(_fine(184 + 12 * at, 104, 176 + 14 * at, 164), fill=INK, width=(at + 1) * FINE)
    drawing = np.array(page.resize((SIDE, SIDE), Image.Resampling.BOX))
    drawing[184:236, 20:236] = np.linspace(INK, PAPER, 216)
    _save(drawing, "shapes")


def crosses() -> None:
    """The same cross six times: twice as it is, shrunk, turned, sheared, and bent."""
    page, pen = _page()
    bars = np.array([[-24, -24, 24, 24], [-24, 24, 24, -24]], float).reshape(2, 2, 2)
    turn = np.radians(30)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    sheared = np.array([[1, 0.5], [0, 1]])
    for center, change, width in (
        ((48, 64), np.eye(2), 8),
        ((137, 59), np.eye(2), 8),
        ((216, 64), np.eye(2) / 2, 4),
        ((48, 192), turned, 8),
        ((132, 192), sheared, 8),
    ):
        for bar in bars @ change.T + center:
            pen.line(_fine(*bar.ravel()), fill=INK, width=width * FINE)
    along = np.linspace(-24, 24, 49)
    for slope in (1, -1):
        down = slope * along + 8 * np.sin(np.pi * along / 24)
        bent = np.column_stack([216 + along, 192 + down])
        pen.line(_fine(*bent.ravel()), fill=INK, width=8 * FINE, joint="curve")
    _save(np.array(page.resize((SIDE, SIDE), Image.Resampling.BOX)), "crosses")


def _page() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("L", (SIDE * FINE, SIDE * FINE), PAPER)
    return page, ImageDraw.Draw(page)


def _fine(*places: float) -> list[float]:
    return [place * FINE for place in places]


def _save(values: np.ndarray, name: str) -> None:
    Image.fromarray(values.astype(np.uint8)).save(TARGET / f"{name}.png", optimize=True)


if __name__ == "__main__":
    photographs(Path(sys.argv[1]))
    ecg(Path(sys.argv[1]))
    for make in (zone_plate, checkerboard, shapes, crosses):
        make()
    total = sum(file.stat().st_size for file in TARGET.iterdir() if file.suffix in SUFFIXES)
    print(f"{TARGET}: {total:,} bytes")
    assert total < LARGEST_BYTES
