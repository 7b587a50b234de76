"""`striate describe` writes what the suffix asks for, and nothing where that is unknown."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import striate
from striate.cli import main


def test_a_table_is_written_as_csv_with_exact_numbers(tmp_path: Path, capsys) -> None:
    out = tmp_path / "table.csv"
    assert main(["describe", "lenet5", "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    head, first, second, *rest = csv.reader(out.read_text("utf-8").splitlines())
    names = ("name", "kind", "output", "params", "macs", "bytes", "receptive_field", "jump")
    assert head == [*names, "start", "kernel", "stride", "sources"]
    first_row = ["c1.conv", "Conv2d", "6x28x28", "156", "117600", "18816", "5x5", "1x1", "2x2"]
    assert first == [*first_row, "5x5", "1x1", "-1"]
    assert second[-1] == "0"
    assert len(rest) == 10


def test_a_folded_table_is_written_as_markdown(tmp_path: Path) -> None:
    out = tmp_path / "table.MD"
    assert main(["describe", "lenet5", "--folded", "--out", str(out)]) == 0
    lines = out.read_text("utf-8").splitlines()
    assert lines[0].startswith("lenet5: 61,706 parameters, ")
    assert lines[2] == (
        "| layer | kind | output | parameters | MACs | memory | field | jump | start |"
    )
    assert lines[3] == "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4] == "| c1 | Conv2d, Tanh | 6x28x28 | 156 | 118 k | 37.6 kB | 5 | 1 | 2 |"
    assert len(lines) == 11


def test_a_drawing_is_written_and_json_still_printed(tmp_path: Path, capsys) -> None:
    for suffix in ("svg", "png"):
        out = tmp_path / f"drawing.{suffix}"
        assert main(["describe", "lenet5", "--json", "--folded", "--out", str(out)]) == 0
        assert len(json.loads(capsys.readouterr().out)["layers"]) == 7
    folded = striate.describe("lenet5").folded()
    assert (tmp_path / "drawing.svg").read_text("utf-8") == folded.to_svg()
    assert (tmp_path / "drawing.png").read_bytes() == folded.to_png()


@pytest.mark.parametrize("network", ["lenet5", "no-such-network"])
def test_another_suffix_is_refused_before_any_work(network: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "table.txt"
    assert main(["describe", network, "--out", str(out)]) == 2
    assert capsys.readouterr().err == (
        f"striate: error: {out}: expected a file that ends in .csv or .md or .svg or .png\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_before_any_work(tmp_path: Path, capsys) -> None:
    out = tmp_path / "far" / "table.csv"
    assert main(["describe", "lenet5", "--out", str(out)]) == 4
    assert capsys.readouterr().err == (
        f"striate: error: {out}: there is no folder {out.parent}; make it, or choose another\n"
    )
