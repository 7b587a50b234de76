"""The sheet shows originals, and beside them what training sees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import striate
from striate.cli import main
from striate.data import prepare
from striate.data.augment.ranges import augment_ranges
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.listing import Listing
from striate.data.listing.samples import IGNORE
from striate.data.prepare import record_images
from striate.errors import DataError, OptionError
from striate.images import contact_sheet as sheets
from striate.images.contact_sheet import Row, _drawn, describe_ranges, draw_sheet
from striate.options import AugmentParams, CheckOptions, TrainOptions
from striate.progress import drain
from striate.tasks.segmentation.drawing import draw_overlay, make_palette
from striate.tasks.task import Legend
from striate.training.prepare import prepare_data
from striate.verbs import checking, display
from tests.data.images import class_folders
from tests.tasks.segmentation.scenes import write_scenes


def sheet(data: Path, options: CheckOptions) -> Image.Image:
    return draw_sheet(data, *drain(record_images(data)), options)


def test_without_variation_every_column_is_the_original(photos: Path) -> None:
    figure = np.asarray(sheet(photos, CheckOptions(augment="none")))
    original = figure[146:306, 32:192]
    assert original.std() > 10
    for column in range(1, 8):
        left = 32 + 174 * column + 28
        assert abs(figure[146:306, left : left + 160].astype(int) - original).max() <= 1


def test_variations_differ_from_the_original_and_depend_on_the_seed(photos: Path) -> None:
    one, same, other = (
        np.asarray(sheet(photos, CheckOptions(augment="strong", seed=seed))) for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert (one != other).any()
    assert abs(one[146:306, 234:394].astype(int) - one[146:306, 32:192]).mean() > 5


def test_the_ranges_are_told() -> None:
    assert describe_ranges(augment_ranges("light", AugmentParams.parse("erase=0.2,hflip=yes"))) == (
        "rotate ±8°, translate ±6 %, scale ±8 %, hflip half, erase up to 20 %"
    )
    assert describe_ranges(augment_ranges("none", None)) == "nothing is changed"


@pytest.mark.parametrize("given", [(), ("train", "test"), ("training_set", "dev", "test")])
def test_a_sheet_shows_training_images_alone(
    given: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in given or ("",):
        class_folders(tmp_path / "data" / part, {"cat": 9, "dog": 9})
    work = prepare_data(tmp_path / "data", TrainOptions(size=16))
    decoded = display.show_progress(work, Console(quiet=True)).decoded
    trained = {sample.path for sample in decoded.samples if sample.split == "train"}
    shown: list[str] = []
    original = _drawn

    def drawn(rows: list[Row], title: str, note: str, legend: Legend) -> Image.Image:
        shown.extend(row.name.partition(": ")[2] for row in rows)
        return original(rows, title, note, legend)

    monkeypatch.setattr(sheets, "_drawn", drawn)
    sheet(tmp_path / "data", CheckOptions(augment="light"))
    assert len(shown) == 6
    assert set(shown) <= trained < {sample.path for sample in decoded.samples}


def test_around_the_moved_images_of_a_sheet_is_the_padding(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(4):
            white = Image.new("L", (80 + number, 20), 255)
            white.save(tmp_path / name / f"{number}.png")
    figure = np.asarray(sheet(tmp_path, CheckOptions(augment="none", augment_params="rotate=60")))
    for column in range(1, 8):
        left = 32 + 174 * column + 28
        seen = figure[146:306, left : left + 160, 0]
        assert seen[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0
        assert seen.max() == 255


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return write_scenes(tmp_path / "scenes")


def test_masks_are_drawn_below_their_images_and_move_with_them(scenes: Path) -> None:
    figure = np.asarray(sheet(scenes, CheckOptions(augment="none", augment_params="hflip=yes")))
    image, mask = (figure[top : top + 160, 32:192] for top in (176, 350))
    mirrored = set[bool]()
    for column in range(1, 8):
        left = 32 + 174 * column + 28
        seen, over = (figure[top : top + 160, left : left + 160] for top in (176, 350))
        turned = abs(seen[20:140].astype(int) - image[20:140]).mean() > 5
        mirrored.add(turned)
        expected = mask[20:140, ::-1] if turned else mask[20:140]
        assert (abs(over[20:140].astype(int) - expected).max(axis=2) > 1).mean() < 0.01  # hatching
    assert mirrored == {False, True}


def test_an_unchanged_mask_is_the_overlay_of_its_file(scenes: Path) -> None:
    figure = np.asarray(sheet(scenes, CheckOptions(augment="none")))
    palette = make_palette(drain(record_images(scenes))[0].targets.spec)
    found: list[str] = []
    for path in (scenes / "masks").iterdir():
        image = Preprocess(160, 3).to_array(Image.open(scenes / "images" / path.name))
        mask = np.full((160, 160), IGNORE, np.uint8)
        enlarged = Image.open(path).resize((160, 120), Image.Resampling.NEAREST)
        mask[20:140] = enlarged
        if np.array_equal(figure[350:510, 32:192], draw_overlay(image, mask, palette)):
            found.append(path.name)
    assert len(found) == 1


def test_the_legend_names_the_classes_that_are_seen(scenes: Path) -> None:
    (scenes / "classes.txt").write_text("ground\ndisc\nbox\ncloud\n")
    spec = drain(record_images(scenes))[0].targets.spec
    figure = np.asarray(sheet(scenes, CheckOptions(augment="none")))
    colors = {tuple(color) for color in figure[103:116].reshape(-1, 3).tolist()}
    palette = make_palette(spec).tolist()
    assert [tuple(palette[at]) in colors for at in range(4)] == [True, True, True, False]
    assert (144, 144, 144) in colors


def test_a_long_legend_takes_several_lines() -> None:
    legend = tuple(
        (f"class number {number}", np.zeros((15, 15, 3), np.uint8)) for number in range(40)
    )
    places = sheets._arrange(legend, 1000)
    assert len(set(places)) == 40
    assert {top for _, top in places} == set(range(0, 210, 30))
    assert max(left for left, _ in places) < 1000 - 100


def test_check_writes_the_sheet_and_says_where(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "sheet.png"
    asked = ["check", str(photos), "--augment-params", "mixup=0.5", "--out", str(place)]
    assert main(asked) == 0
    assert capsys.readouterr().out.endswith(f"\nsheet  {place}\n")
    with Image.open(place) as image:
        assert image.format == "PNG"
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == {"sheet": str(place)}


def test_a_sheet_that_was_given_no_place_is_not_put_into_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class_folders(tmp_path / "data", {"cat": 3, "dog": 3})
    monkeypatch.chdir(tmp_path / "data" / "cat")
    assert main(["check", "..", "--augment", "light"]) == 0
    assert capsys.readouterr().out.endswith(f"\nsheet  {tmp_path}/augmented.png\n")
    assert (tmp_path / "augmented.png").is_file()
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["000.png", "001.png", "002.png"]


def test_a_sheet_has_one_kind_of_file(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        striate.check(photos, out=tmp_path / "sheet.gif")
    assert str(caught.value).endswith("sheet.gif: expected a file that ends in .png")


def test_a_folder_without_images_has_no_sheet(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError):
        sheet(tmp_path, CheckOptions())


def test_findings_and_sheet_come_of_one_decoding(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, decode = list[object](), prepare.decode_records

    def count(listing: Listing, **settings: bool):
        decoded.append(listing)
        return decode(listing, **settings)

    for module in (checking, prepare):
        monkeypatch.setattr(module, "decode_records", count)
    assert striate.check(photos, out=tmp_path / "sheet.png").sheet == tmp_path / "sheet.png"
    assert len(decoded) == 1
