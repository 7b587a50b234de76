"""The samples are there, small, and each has a license in the table beside it."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest

from striate.errors import OptionError
from striate.vision import SAMPLES, sample

FOLDER = files("striate.vision") / "samples"
TABLE = re.findall(
    r"^\| `([\w-]+)` \| ([\dx ]+) \| .+? \| (.+?) \| ([123]) \|$",
    (FOLDER / "README.md").read_text("utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("name", "size", "terms", "source"), TABLE)
def test_a_sample_is_what_its_row_says(name: str, size: str, terms: str, source: str):
    values = sample(name)
    assert " x ".join(map(str, values.shape)) == size
    assert values.dtype == ("int16" if values.ndim == 1 else "uint8")
    assert np.ptp(values) > 100
    assert terms == {"1": "CC0 1.0", "2": "MIT", "3": "CC0 1.0"}[source]


def test_every_sample_has_a_row_and_a_file_and_all_are_small():
    assert [row[0] for row in TABLE] == sorted(SAMPLES)
    data = {file.name: file for file in FOLDER.iterdir() if file.name.endswith(("g", ".npy"))}
    assert set(data) == set(SAMPLES.values())
    assert sum(len(file.read_bytes()) for file in data.values()) < 400_000


def test_a_sample_may_be_changed_and_is_whole_the_next_time():
    sample("shapes")[:] = 0
    assert sample("shapes").any()


def test_a_misspelled_sample_is_corrected():
    with pytest.raises(OptionError) as error:
        sample("camra")
    assert str(error.value) == "no sample is called 'camra'; did you mean 'camera' or 'cat'?"
