"""A study goes on by the same command, and refuses every other one."""

from __future__ import annotations

import pytest

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.prepare import prepare_images, scan_images
from striate.errors import BusyError, OptionError
from striate.progress import drain
from striate.studies.record import Study, fingerprint

OPTIONS = {"networks": ["lenet5", "resnet20"], "minutes": 4}


def begin(folder, kind="compare", images="abc", **changes):
    return Study.begin(folder, kind, images, {**OPTIONS, **changes})


def test_the_same_command_goes_on(tmp_path):
    begin(tmp_path / "s").add(plan=[1, 2])
    assert begin(tmp_path / "s").read() == {
        "study": "compare",
        "images": "abc",
        "options": OPTIONS,
        "plan": [1, 2],
    }


def test_a_study_killed_before_its_record_begins_anew(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "study.json.partial").write_text("{")
    (tmp_path / "s" / "lock").touch()
    assert begin(tmp_path / "s").read()["study"] == "compare"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"networks": ["lenet5"]},
            "holds a study with networks lenet5,resnet20, but lenet5 came; repeat its command, or "
            "choose another folder with --out",
        ),
        (
            {"seed": 3},
            "holds a study with seed none, but 3 came; repeat its command, or choose another "
            "folder with --out",
        ),
        (
            {"kind": "transferability"},
            "holds a study by `striate compare`, but `striate transferability` came; choose "
            "another folder with --out",
        ),
        (
            {"images": "abd"},
            "the images are not those the study began with; put them back, or choose another "
            "folder with --out",
        ),
    ],
)
def test_another_command_is_refused(tmp_path, changes, reason):
    begin(tmp_path / "s")
    with pytest.raises(OptionError) as caught:
        begin(tmp_path / "s", **changes)
    assert str(caught.value) == f"{tmp_path / 's'}: {reason}"


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OptionError) as caught:
        begin(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected the folder of a study or none, but it holds thesis.txt; choose "
        "another folder with --out"
    )


def test_two_processes_do_not_work_on_one_study(tmp_path):
    study = begin(tmp_path / "s")
    with study.lock(), pytest.raises(BusyError), study.lock():
        pass


def test_a_fingerprint_depends_on_the_split_of_the_images(photos):
    def of(seed_share):
        work = prepare_images(
            photos,
            scan_images(photos, "label", trainable=True),
            Preprocess(16, 1, "letterbox"),
            SplitFractions(seed_share, 0.15),
            leaked="keep",
            largest_megabytes=200,
            trainable=True,
            skip_unusable=True,
        )
        return fingerprint(drain(work).decoded)

    assert len(of(0.15)) == 64
    assert of(0.15) == of(0.15) != of(0.3)
