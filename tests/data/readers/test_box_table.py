"""Tables of boxes: the columns that people's exports have, and rows that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from striate.data.readers.scan import scan
from striate.data.targets.boxes import BoxTargets
from striate.errors import DataError
from tests.data.boxes import boxes_of, splits_of, told
from tests.data.layout_table import plant


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return plant(tmp_path, "photos/1.jpg", "photos/2.jpg", "photos/3.jpg")


def table(home: Path, text: str, name: str = "boxes.csv") -> Path:
    file = home / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "text",
    [
        "image,xmin,ymin,xmax,ymax,label\nphotos/1.jpg,1,2,11,22,cat\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\n1.jpg,40,30,cat,1,2,11,22\n",
        "Image Path;Class Name;x1;y1;x2;y2\nphotos/1.jpg;cat;1;2;11;22\n",
        "path,x,y,width,height,label\nphotos/1.jpg,1,2,10,20,cat\n",
        "image_id,x_min,y_min,x_max,y_max,class_name\n1,1,2,11,22,cat\n",
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
        "cat,1,2,10,20,1.jpg,40,30\n",
        "image\tleft\ttop\tright\tbottom\tcategory\n/home/me/photos/1.jpg\t1\t2\t11\t22\tcat\n",
    ],
)
def test_columns_are_called_as_exports_have_them(home: Path, text: str) -> None:
    listing = scan(table(home, text))
    assert (listing.layout, listing.targets.spec.kind) == ("table of boxes", "boxes")
    assert boxes_of(listing) == {"photos/1.jpg": [("cat", 1, 2, 11, 22)]}
    assert told(listing) == []


def test_corners_up_to_one_are_shares_as_in_open_images(home: Path) -> None:
    listing = scan(
        table(
            home,
            "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsGroupOf\n"
            "1,xclick,/m/01yrx,1,0.25,0.75,0.1,1,0,0\n"
            "1,xclick,/m/0bt9lr,1,0,1,0.5,1,0,1\n",
        )
    )
    assert boxes_of(listing)["photos/1.jpg"] == [
        ("/m/01yrx", 0.25, pytest.approx(0.1), 0.75, 1),
        ("/m/0bt9lr", 0, 0.5, 1, 1, "ignored"),
    ]
    assert isinstance(listing.targets, BoxTargets)
    assert listing.targets.frames is not None
    assert listing.targets.frames.tolist() == [[1, 1]]


def test_rows_without_corners_list_images_without_boxes_and_splits_are_kept(home: Path) -> None:
    listing = scan(
        table(
            home,
            "image,xmin,ymin,xmax,ymax,class,split\n"
            "photos/2.jpg,,,,,,val\nphotos/1.jpg,1,2,3,4,a,train\nphotos/1.jpg,5,6,7,8,b,train\n",
        )
    )
    assert boxes_of(listing) == {
        "photos/1.jpg": [("a", 1, 2, 3, 4), ("b", 5, 6, 7, 8)],
        "photos/2.jpg": [],
    }
    assert splits_of(listing) == {"photos/1.jpg": "train", "photos/2.jpg": "validation"}


def test_boxes_that_cannot_be_are_named_with_their_line(home: Path) -> None:
    listing = scan(
        table(
            home,
            "image,xmin,ymin,xmax,ymax,class\nphotos/1.jpg,1,2,30,4,a\nphotos/1.jpg,9,2,3,4,a\n"
            "photos/1.jpg,1,2,1,4,a\nphotos/1.jpg,1,2,x,4,a\nphotos/1.jpg,1,2,30,4,a\n"
            "9.jpg,1,2,3,4,a\n9.jpg,1,2,3,4,a\nphotos/1.jpg,1,2,inf,4,a\n",
        )
    )
    assert told(listing) == [
        "box image: boxes.csv (line 7: no such image: 9.jpg)",
        "box turned: boxes.csv (line 3: a, 9 2 3 4 in photos/1.jpg)",
        "box empty: boxes.csv (line 4: a, 1 2 1 4 in photos/1.jpg)",
        "box number: boxes.csv (line 5: a, 1 2 nan 4 in photos/1.jpg)",
        "box double: boxes.csv (line 6: a, 1 2 30 4 in photos/1.jpg, as in line 2)",
        "box number: boxes.csv (line 9: a, 1 2 inf 4 in photos/1.jpg)",
    ]
    assert boxes_of(listing) == {"photos/1.jpg": [("a", 1, 2, 30, 4), ("a", 3, 2, 9, 4)]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("photos/1.jpg,1,2,3,4\n", "line 2: expected 7 values, one a column, found 5"),
        (",1,2,3,4,a,train\n", "line 2: the image is empty"),
        ("photos/1.jpg,1,2,3,4,,train\n", "line 2: the class of a box in photos/1.jpg is empty"),
        (
            "photos/1.jpg,1,2,3,4,a,best\n",
            "line 2: the split is 'best'; expected 'train', 'validation' or 'test'",
        ),
        (
            "photos/1.jpg,1,2,3,4,a,train\nphotos/1.jpg,1,2,3,5,a,test\n",
            "line 3: photos/1.jpg is in test, but in train in line 2; correct one of them",
        ),
        (
            "9.jpg,1,2,3,4,a,train\n",
            "names no image that is there; line 2: no such image: 9.jpg",
        ),
    ],
)
def test_a_row_that_cannot_be_read_stops(
    home: Path, monkeypatch: pytest.MonkeyPatch, rows: str, message: str
) -> None:
    monkeypatch.chdir(home)
    table(home, f"image,xmin,ymin,xmax,ymax,class,split\n{rows}")
    with pytest.raises(DataError) as raised:
        scan("boxes.csv")
    assert str(raised.value) == f"boxes.csv: {message}"


def test_numbers_are_boxes_only_beside_a_class_or_where_boxes_are_asked_for(home: Path) -> None:
    plain = table(home, "path,x,y,width,height\nphotos/1.jpg,1,2,3,4\n")
    assert scan(plain).targets.spec.kind == "numbers"
    assert boxes_of(scan(plain, "boxes")) == {"photos/1.jpg": [("object", 1, 2, 4, 6)]}
    named = table(home, "path,x,y,width,height,label\nphotos/1.jpg,1,2,3,4,cat\n", "named.csv")
    assert scan(named).targets.spec.kind == "boxes"
    assert scan(named, "label").targets.spec.kind == "label"


def test_a_name_that_several_images_have_is_that_in_the_folder_of_its_split(tmp_path: Path) -> None:
    plant(tmp_path, "train/1.jpg", "val/1.jpg")
    rows = "1.jpg,1,2,3,4,a,val\n1.jpg,1,2,3,4,a,train\n"
    listing = scan(table(tmp_path, f"image,xmin,ymin,xmax,ymax,class,split\n{rows}"))
    assert splits_of(listing) == {"train/1.jpg": "train", "val/1.jpg": "validation"}


def test_a_column_may_name_groups(home: Path) -> None:
    rows = "photos/1.jpg,1,2,3,4,a,film\nphotos/2.jpg,,,,,,film\nphotos/3.jpg,1,2,3,4,a,walk\n"
    file = table(home, f"image,xmin,ymin,xmax,ymax,class,Clip\n{rows}")
    groups = scan(file, group="clip").samples.groups
    assert groups is not None
    assert [groups.names[at] for at in groups.ids] == ["film", "film", "walk"]
    with pytest.raises(DataError) as raised:
        scan(file, group="clap")
    assert str(raised.value) == (
        f"{file}: line 1: no column is called 'clap', as --group asks for; did you mean 'clip'?"
    )
    file.write_text(file.read_text() + "photos/3.jpg,1,2,3,4,b,film\n")
    with pytest.raises(DataError) as raised:
        scan(file, group="clip")
    assert str(raised.value) == (
        f"{file}: line 5: photos/3.jpg is in film, but in walk in line 4; correct one of them"
    )


def test_a_table_that_cannot_be_read_or_is_not_utf8_is_named(home: Path) -> None:
    file = table(home, "")
    file.write_bytes(b"image,xmin,ymin,xmax,ymax,class\nphotos/1.jpg,1,2,3,4,caf\xe9\n")
    with pytest.raises(DataError) as raised:
        scan(file)
    assert str(raised.value) == (
        f"{file}: line 2: the class 'caf\\udce9' is not UTF-8; save it as 'CSV UTF-8'"
    )
