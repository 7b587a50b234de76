"""Sequences of DNA: letters, FASTA, FASTQ, BED and tables."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from striate.data.augment.plan import apply_plan, make_plan
from striate.data.augment.ranges import DRAWS, HFLIP, TRANSLATE_X, AugmentRanges
from striate.data.cache.decoded import decode_images
from striate.data.check import inspect
from striate.data.listing.listing import Listing
from striate.data.readers.scan import scan
from striate.data.signals.letters import decode, encode, is_dna, other_strand
from striate.data.signals.sequence_input import SequenceInput
from striate.errors import DataError


def shown(listing: Listing, length: int = 6) -> list[str]:
    """The sequences as a network of this length takes them."""
    pixels = decode_images(listing, SequenceInput(length, 4)).pixels
    return [decode(row[:, 0]) for row in np.asarray(pixels[:])]


def labeled(listing: Listing) -> list[str]:
    return [listing.class_names[sample.label] for sample in listing.samples]


def findings(data: Path) -> list[tuple[str, str, str]]:
    return [(each.kind, each.path, each.detail) for each in inspect(data).findings]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "bound.fa").write_text(">one\nACGT\nAC\n\n>two words\nacgtnu\n")
    (tmp_path / "other.fasta").write_text(">x\nTTTTTT\n>y\nGGGGG\n")
    return tmp_path


def test_letters_are_numbers_in_the_order_of_the_alphabet() -> None:
    assert encode(b"ACGTacgtUuNnRyKm").tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 3, 3, *[4] * 6]
    assert decode(other_strand(encode(b"AACGTN"))) == "NACGTT"
    assert is_dna("ACGTN")
    assert not is_dna("cat.fa")
    assert not is_dna("")


def test_a_network_sees_four_channels_and_a_fourth_of_each_where_unknown() -> None:
    codes = torch.from_numpy(encode(b"ACGTN"))[None, :, None]
    seen = SequenceInput(5, 4).normalize(codes)
    assert seen.shape == (1, 4, 5)
    assert torch.equal(seen[0, :, :4], torch.eye(4))
    assert seen[0, :, 4].tolist() == [0.25] * 4


def test_the_second_variant_is_the_reverse_complement() -> None:
    view = SequenceInput(6, 4)
    codes = encode(b"AACGTN")
    one, other = view.variants(view.normalize(torch.from_numpy(codes)[None, :, None]))
    turned = torch.from_numpy(other_strand(codes))[None, :, None]
    assert torch.equal(other, view.normalize(turned))
    assert not torch.equal(one, other)
    assert len(SequenceInput(6, 4, both_strands=False).variants(one)) == 1


@pytest.mark.parametrize(
    ("fit", "length", "expected"),
    [("letterbox", 3, "ACG"), ("letterbox", 7, "ACGTCNN"), ("crop", 3, "CGT"),
     ("crop", 7, "NACGTCN")],
)  # fmt: skip
def test_a_sequence_is_cut_or_padded_with_n(fit: str, length: int, expected: str) -> None:
    view = SequenceInput(length, 4, fit)  # type: ignore[arg-type]
    assert decode(view.fit_signal(encode(b"ACGTC")[:, None])[:, 0]) == expected


def drawn(column: int, value: float) -> torch.Tensor:
    uniform = torch.full((1, DRAWS), 0.5)
    uniform[0, column] = value
    return uniform


def varied(text: bytes, uniform: torch.Tensor, **ranges: float) -> str:
    view = SequenceInput(len(text), 4)
    letters = view.normalize(torch.from_numpy(encode(text))[None, :, None])
    plan = make_plan(uniform, AugmentRanges(**ranges), view.shape, fill=view.padding, strands=True)
    made = apply_plan(letters, plan)[0]
    return "".join("ACGTN"[4 if float(column.max()) < 1 else int(column.argmax())]
                   for column in made.T)  # fmt: skip


def test_mirroring_shows_the_other_strand() -> None:
    assert varied(b"AACGTN", drawn(HFLIP, 0.1), hflip=True) == "NACGTT"
    assert varied(b"AACGTN", drawn(HFLIP, 0.9), hflip=True) == "AACGTN"


def test_a_shift_is_by_whole_letters_and_brings_in_n() -> None:
    assert varied(b"ACGTACGTAC", drawn(TRANSLATE_X, 1.0), translate=0.2) == "GTACGTACNN"
    assert varied(b"ACGTACGTAC", drawn(TRANSLATE_X, 0.0), translate=0.2) == "NNACGTACGT"


def test_letters_vary_in_nothing_else() -> None:
    uniform = torch.rand(1, DRAWS)
    assert (
        varied(b"ACGTACGT", uniform, scale=0.5, contrast=0.5, rotate=90, vflip=True) == "ACGTACGT"
    )


def test_a_file_for_each_class(here: Path) -> None:
    listing = scan(here)
    assert (listing.inputs, listing.layout) == ("sequence", "sequence files")
    assert labeled(listing) == ["bound", "bound", "other", "other"]
    assert shown(listing) == ["ACGTAC", "ACGTNT", "TTTTTT", "GGGGGN"]
    assert [sample.path for sample in listing.samples] == [
        "bound.fa#1", "bound.fa#5", "other.fasta#1", "other.fasta#3",
    ]  # fmt: skip


def test_a_check_counts_sequences_and_letters(here: Path) -> None:
    assert str(inspect(here)).splitlines()[:2] == [
        f"{here}: 4 sequences in 2 classes (sequence files)", "5 to 6, median 6 letters",
    ]  # fmt: skip


def test_folders_are_classes_and_splits(tmp_path: Path) -> None:
    for path in ("bound/1.fa", "bound/2.fna", "other/1.fa"):
        (tmp_path / "a" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / path).write_text(">1\nACGT\n")
    assert labeled(scan(tmp_path / "a")) == ["bound", "bound", "other"]
    for path in ("train/bound.fa", "train/other/1.fa", "test/bound.fa"):
        (tmp_path / "b" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / path).write_text(">1\nACGT\n")
    listing = scan(tmp_path / "b")
    told = [
        (sample.split, name) for sample, name in zip(listing.samples, labeled(listing), strict=True)
    ]
    assert sorted(told, key=str) == [("test", "bound"), ("train", "bound"), ("train", "other")]


def test_gzip_and_fastq_are_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bound.fa.gz", "wt") as file:
        file.write(">1\nACGT\n")
    (tmp_path / "other.fastq").write_text("@1\nTTTT\n+\n!!!!\n@2\nGGGG\n+2\n@@@@\n")
    listing = scan(tmp_path)
    assert labeled(listing) == ["bound", "other", "other"]
    assert shown(listing, 4) == ["ACGT", "TTTT", "GGGG"]


def test_other_letters_are_named_with_file_and_line(here: Path) -> None:
    (here / "odd.fa").write_text(">1\nACGTXA-\n>2\nACRY\n>3\n\n>4\nACGTAA\n")
    assert [each for each in findings(here) if each[0] != "other length"] == [
        ("other letter", "odd.fa#1", "'X' at letter 5, and 1 more"),
        ("several bases", "odd.fa#3", "2 of 4 letters"),
        ("empty", "odd.fa#5", "no letters"),
    ]
    assert labeled(scan(here)).count("odd") == 2


def test_headings_of_one_file_may_name_classes(tmp_path: Path) -> None:
    (tmp_path / "a.fa").write_text(">1 label=bound\nACGT\n>2|class=other|x\nTTTT\n")
    assert labeled(scan(tmp_path / "a.fa")) == ["bound", "other"]


def test_a_table_has_sequences_and_targets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,sequence,affinity\n1,ACGT,0.5\n2,TTTT,1.25\n3,AXGT,2\n")
    listing = scan(tmp_path / "a.csv")
    assert (listing.inputs, listing.targets.spec.names) == ("sequence", ("affinity",))
    assert listing.targets.values.tolist() == [[0.5], [1.25]]
    assert [(each.kind, each.path) for each in listing.findings] == [("other letter", "a.csv#4")]
    (tmp_path / "b.tsv").write_text("seq\tlabel\tsplit\nACGT\tx\ttrain\nTTTT\ty\ttest\n")
    listing = scan(tmp_path / "b.tsv")
    assert (labeled(listing), [sample.split for sample in listing.samples]) == (
        ["x", "y"], ["train", "test"],
    )  # fmt: skip


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    (tmp_path / "genome.fa").write_text(">chr1 first\nAACCGG\nTTAACC\n>chr2\nGGGGCCCC\n")
    (tmp_path / "others.bed").write_text("chr2\t0\t4\n")
    return tmp_path


def test_regions_are_cut_out_of_a_genome_and_turned_on_the_other_strand(genome: Path) -> None:
    (genome / "peaks.bed").write_text(
        "track name=x\n# note\nchr2\t2\t6\tp\t0\t+\nchr1\t0\t4\nchr1\t4\t8\tq\t0\t-\n"
    )
    listing = scan(genome)
    assert listing.layout == "regions of a genome"
    assert labeled(listing) == ["others", "peaks", "peaks", "peaks"]
    assert shown(listing, 4) == ["GGGG", "GGCC", "AACC", "AACC"]
    assert [sample.path for sample in listing.samples][1:] == [
        "peaks.bed#3", "peaks.bed#4", "peaks.bed#5",
    ]  # fmt: skip


def test_regions_beyond_the_end_are_named_with_file_and_line(genome: Path) -> None:
    (genome / "peaks.bed").write_text("chr1\t0\t4\nchr1\t8\t13\nchr3\t0\t4\n")
    assert findings(genome) == [
        ("beyond the end", "peaks.bed#2", "it ends at 13, but chr1 has 12 letters"),
        ("no such chromosome", "peaks.bed#3", "chr3 is not in genome.fa"),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.fa": "ACGT\n"}, "a.fa: line 1: expected a heading that begins with '>'"),
        ({"a.fa": ""}, "a.fa: it holds no sequences"),
        (
            {"a.fq": "@1\nACGT\nIIII\n@2\n"},
            "a.fq: line 1: expected four lines: '@' and a name, letters, '+', qualities",
        ),
        (
            {"a.bed": "chr1\t5\t5\n", "g.fa": ">chr1\nACGT\n"},
            "a.bed: line 1: expected a chromosome, a first position and a larger end, found "
            "chr1\\t5\\t5",
        ),
    ],
)
def test_what_is_no_such_file_is_told(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert str(caught.value) == f"{tmp_path}/{message}"


def test_regions_need_one_genome(tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_text("chr1\t0\t5\n")
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: regions of BED files are cut out of one FASTA file beside them, but none "
        "stands there"
    )


def test_a_cut_gzip_file_and_a_heading_without_class_are_told(tmp_path: Path) -> None:
    packed = gzip.compress(b">1\nACGTACGTACGT\n" * 50)
    (tmp_path / "a.fa.gz").write_bytes(packed[:-9])
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert str(caught.value) == f"{tmp_path}/a.fa.gz: not a whole gzip file; download it again"
    (tmp_path / "b.fa").write_text(">1\nACGT\n")
    with pytest.raises(DataError) as caught:
        scan(tmp_path / "b.fa")
    assert str(caught.value) == (
        f"{tmp_path}/b.fa: line 1: which class? Give a folder with a file for each class, or write "
        "it into the heading, as in >7 label=bound"
    )
