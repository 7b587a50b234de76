import math

import pytest

from striate.text import (
    columns,
    count_noun,
    format_interval,
    format_percent,
    html_table,
    list_names,
    percent_digits,
    shorten_middle,
)


@pytest.mark.parametrize(
    ("share", "places", "shown"),
    [
        (0.979, 1, "97.9 %"),
        (0.979, 0, "98 %"),
        (0.97934, 2, "97.93 %"),
        (1, 1, "100 %"),
        (0.0, 1, "0 %"),
        (0.9996, 1, "99.96 %"),
        (0.9996, 0, "99.96 %"),
        (0.996, 0, "99.6 %"),
        (0.0004, 1, "0.04 %"),
        (0.9999999, 0, "> 99.99 %"),
        (0.00000012, 1, "< 0.01 %"),
        (None, 1, "–"),
        (math.nan, 1, "–"),
    ],
)
def test_only_all_is_100_percent_and_only_none_is_0(share, places, shown):
    assert format_percent(share, places) == shown


def test_a_percentage_has_the_digits_its_images_can_move():
    assert [percent_digits(n) for n in (7, 99, 100, 9_999, 10_000)] == [0, 0, 1, 1, 2]


def test_an_interval_is_two_numbers_and_a_word():
    assert format_interval(0.9659, 0.98704, 1) == "96.6 to 98.7 %"
    assert format_interval(0.5457, 1.0, 0) == "55 to 100 %"


def test_things_are_counted_in_words():
    assert count_noun(1, "class") == "1 class"
    assert count_noun(5_000, "class") == "5,000 classes"
    assert count_noun(2, "micro-batch") == "2 micro-batches"
    assert count_noun(2, "epoch") == "2 epochs"
    assert count_noun(1, "image") == "1 image"
    assert count_noun(750, "image") == "750 images"


def test_a_long_list_of_names_is_cut():
    assert list_names(["a", "b"]) == "“a”, “b”"
    assert list_names(["a", "b", "c", "d"], most=2) == "“a”, “b” and 2 more"
    assert list_names(["x" * 40]) == f"“{'x' * 31}…”"


def test_the_end_of_a_long_name_is_kept():
    assert shorten_middle("twelve signs", 12) == "twelve signs"
    assert shorten_middle("a photograph 017.jpg", 12) == "a phot…7.jpg"
    assert shorten_middle("漢字漢字漢字", 8) == "漢字…字"


def test_columns_line_up_where_letters_are_two_cells_wide():
    assert columns([("class", "n"), ("猫", "12"), ("dog", "345")], left=(0,)) == [
        "class    n",
        "猫      12",
        "dog    345",
    ]


def test_a_table_for_a_notebook_is_escaped():
    assert html_table([("class", "n"), ('<b>"\x1b', "3")], left=(0,)) == (
        '<table><thead><tr><th style="text-align:left">class</th>'
        '<th style="text-align:right">n</th></tr></thead>'
        '<tbody><tr><td style="text-align:left">&lt;b&gt;&quot;\\x1b</td>'
        '<td style="text-align:right">3</td></tr></tbody></table>'
    )
