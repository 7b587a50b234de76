"""Masks in the layout of Pascal VOC have its names only where they have its palette."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.listing.samples import IGNORE
from striate.data.readers.scan import scan
from striate.data.readers.voc import voc_table


def test_the_table_of_pascal_voc_is_known() -> None:
    found = voc_table()
    assert (len(found.names), found.names[0], found.names[20]) == (21, "background", "tvmonitor")
    assert found.codes.classes == 21
    assert dict(found.codes.values)[IGNORE] == IGNORE
    assert dict(found.codes.colors)[0xE0E0C0] == IGNORE
    shown = {found.names[index]: color for color, index in found.codes.colors if index != IGNORE}
    assert (shown["aeroplane"], shown["person"]) == (0x800000, 0xC08080)
    assert (shown["sofa"], shown["tvmonitor"]) == (0x00C000, 0x004080)


VOC = [color >> shift & 255 for color in voc_table().colors for shift in (16, 8, 0)]
GRAYS = [value for value in range(21) for _ in range(3)]
SHADED = np.arange(16 * 16 * 3).reshape(16, 16, 3) % 251


def mask(palette: list[int] | None, seed: int) -> Image.Image:
    values = np.array([0, 3, 7, 255], np.uint8).repeat(4)[None].repeat(16, axis=0)
    image = Image.fromarray(np.roll(values, seed, axis=0))
    if palette is not None:
        image.putpalette(palette)
    return image


def planted(root: Path, *masks: Image.Image, suffix: str = "png") -> Path:
    for folder in ("JPEGImages", "SegmentationClass"):
        (root / folder).mkdir()
    for number, drawn in enumerate(masks):
        shaded = np.roll(SHADED, number, axis=1).astype(np.uint8)
        Image.fromarray(shaded).save(root / f"JPEGImages/{number}.png")
        drawn.save(root / f"SegmentationClass/{number}.{suffix}")
    return root


@pytest.mark.parametrize(
    "drawn",
    [
        mask(VOC, 0),
        mask(VOC[:24], 0),
        mask(VOC + [224, 224, 192] * 235, 0),
        mask(VOC, 0).convert("RGB"),
    ],
    ids=["its palette", "the first of its colors", "256 colors", "its colors"],
)
def test_masks_with_the_palette_of_pascal_voc_have_its_names(
    tmp_path: Path, drawn: Image.Image
) -> None:
    listing = scan(planted(tmp_path, drawn, drawn))
    assert listing.targets.spec == voc_table().spec
    assert listing.findings == ()


@pytest.mark.parametrize(
    ("other", "suffix"),
    [(mask(None, 0), "png"), (mask(GRAYS, 0), "png"), (mask(None, 0), "bmp")],
    ids=["gray", "another palette", "a BMP"],
)
def test_masks_without_it_are_numbered_by_their_values_and_said_to_be(
    tmp_path: Path, other: Image.Image, suffix: str
) -> None:
    root = planted(tmp_path, other, other, suffix=suffix)
    text = str(striate.check(root))
    assert "class  images  pixels\n0           2  33.3 %\n3           2  33.3 %\n7 " in text
    assert (
        "1 no class names: called as their values; name them in classes.txt, as in '7 sky'\n"
        "    classes.txt: not there, and SegmentationClass/0"
    ) in text
    (finding,) = (found for found in scan(root).findings if found.kind == "no class names")
    assert finding.detail == (
        f"not there, and SegmentationClass/0.{suffix} has not the palette of Pascal VOC; "
        "the masks hold the values 0, 3, 7"
    )


def test_one_mask_among_others_that_has_not_the_palette_is_enough(tmp_path: Path) -> None:
    listing = scan(planted(tmp_path, *[mask(VOC, 0)] * 3, mask(None, 0)))
    assert listing.class_names == ("0", "3", "7")


def test_masks_that_cannot_be_read_say_nothing_of_the_names(tmp_path: Path) -> None:
    root = planted(tmp_path, *[mask(VOC, 0)] * 4)
    (root / "SegmentationClass/1.png").write_bytes(b"")
    (root / "SegmentationClass/2.png").write_bytes(b"no image")
    mask(None, 0).save(root / "SegmentationClass/3.png", "JPEG")
    assert scan(root).class_names == voc_table().names


def test_a_table_names_the_classes_of_masks_without_it(tmp_path: Path) -> None:
    root = planted(tmp_path, mask(None, 0))
    (root / "classes.txt").write_text("0 ground\n3 road\n7 sky\n")
    listing = scan(root)
    assert (listing.class_names, listing.findings) == (("ground", "road", "sky"), ())
