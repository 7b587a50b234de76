"""What a network on DNA looks for: planted kernels come out as their motifs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate import zoo
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.data.signals.letters import decode, encode, other_strand
from striate.data.signals.sequence_input import SequenceInput
from striate.errors import DataError, OptionError
from striate.look.attributions import attribute_letters, draw_attributions
from striate.look.known_motifs import Known, read_known_motifs
from striate.look.motifs import draw_motifs, find_motifs
from striate.metrics.motifs import MotifMatch
from striate.model import Model
from striate.model_file import save
from striate.plotting.shapes import Text
from striate.tasks import find_task
from striate.verbs.look import look
from striate.zoo.spec import NetworkSpec

MOTIFS = ("TGACTCA", "CCGGAAG")
LENGTH = 40


@pytest.fixture(scope="module")
def model() -> Model:
    """A network whose two kernels are motifs, and whose classes are one of them each."""
    return make_model(MOTIFS)


def make_model(motifs: Sequence[str]) -> Model:
    """A network whose kernels are motifs of seven letters."""
    name = f"deepbind(motifs={len(motifs)},width=7,hidden=0)"
    network = zoo.build(name, classes=2)
    conv, head = network.get_submodule("motifs.conv"), network.get_submodule("head")
    assert isinstance(conv, nn.Conv1d)
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        for at, motif in enumerate(motifs):
            conv.weight[at] = nn.functional.one_hot(
                torch.from_numpy(encode(motif.encode())).long(), 4
            ).T
        conv.bias.fill_(-3.0)
        head.weight.copy_(torch.eye(2, len(motifs)))
        head.bias.zero_()
    view = SequenceInput(LENGTH, 4, mean=(0.0,) * 4, std=(1.0,) * 4)
    task = find_task("classification")(TargetSpec("label", ("jun", "ets")))
    return Model(network.eval(), NetworkSpec.of(name), task, view, SplitFractions(0.1, 0.1))


def planted(seed: int, motif: str) -> np.ndarray:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 4, LENGTH).astype(np.uint8)
    own = encode(motif.encode())
    at = int(random.integers(0, LENGTH - len(own)))
    codes[at : at + len(own)] = own if seed % 2 else other_strand(own)
    return codes[:, None]


def test_motifs_are_those_of_the_kernels_on_either_strand(model: Model) -> None:
    codes = np.stack([planted(seed, MOTIFS[seed % 4 // 2]) for seed in range(200)])
    motifs = find_motifs(model, codes)
    assert motifs.layer == "motifs.conv"
    found = [decode(shares.argmax(axis=1).astype(np.uint8)) for shares in motifs.shares]
    assert found == list(MOTIFS)
    assert (motifs.sites >= 100).all()


def test_places_beyond_the_ends_have_no_letters(model: Model) -> None:
    codes = np.full((1, LENGTH, 1), 3, np.uint8)
    codes[0, :5, 0] = encode(b"ACTCA")
    one_strand = replace(model.preprocess, both_strands=False)  # type: ignore[call-arg]
    motifs = find_motifs(replace(model, preprocess=one_strand), codes)
    assert motifs.counts[0].sum(axis=1) == pytest.approx([1] * 7)
    assert motifs.counts[0][:2].tolist() == [[0.25] * 4] * 2
    assert motifs.counts[0][2].tolist() == [1, 0, 0, 0]


def test_the_sheet_has_a_logo_for_each_kernel(model: Model) -> None:
    codes = np.stack([planted(seed, MOTIFS[0]) for seed in range(20)])
    sheet = draw_motifs(model, codes)
    assert sheet.text == (
        "motifs.conv: 2 kernels as logos of 0 to 2 bits: letters where each responds with half of "
        "its most or more; 20 sequences"
    )
    assert sheet.arrays["bits"].shape == (2, 7, 4)
    assert draw_motifs(model).text == "motifs.conv: 2 kernels: weights of letters less their mean"


def test_letters_of_the_motif_add_what_their_change_takes(model: Model) -> None:
    codes = np.zeros((LENGTH, 1), np.uint8)
    codes[10:17, 0] = encode(MOTIFS[0].encode())
    added, column = attribute_letters(model, codes)
    assert column == 0
    assert (added[10:17] > 0.3).all()  # the motif is almost its own reverse complement
    assert np.abs(np.delete(added, np.s_[10:17])).max() < 0.1
    outputs = model.outputs(torch.from_numpy(codes[None]))[0, 0].item()
    others = []
    for code in (0, 1, 2):  # in place of T, the first letter
        changed = codes.copy()
        changed[10] = code
        others.append(model.outputs(torch.from_numpy(changed[None]))[0, 0].item())
    assert added[10] == pytest.approx(outputs - np.mean(others), abs=1e-6)


def test_an_unknown_letter_adds_nothing(model: Model) -> None:
    codes = planted(1, MOTIFS[0]).copy()
    codes[5] = 4
    assert attribute_letters(model, codes)[0][5] == 0
    sheet = draw_attributions(model, codes[None], ["one"], column=1)
    assert sheet.text == "a letter is as high as its change lowers the output; one: ets"
    said = [each.text for each in sheet.picture.shapes if isinstance(each, Text)]
    assert said == [
        "What each letter adds", "a letter is as high as its change lowers the output", "one: ets",
    ]  # fmt: skip


def test_look_draws_both_into_a_folder(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model.safetensors")
    letters = [decode(planted(seed, MOTIFS[0])[:, 0]) for seed in range(12)]
    (tmp_path / "a.fa").write_text("".join(f">{at}\n{text}\n" for at, text in enumerate(letters)))
    place = tmp_path / "model.safetensors"
    (logos,) = look(place, tmp_path / "a.fa", out=tmp_path / "one")
    (weights,) = look(place, out=tmp_path / "two")
    (added,) = look(place, tmp_path / "a.fa", show="classes", out=tmp_path / "three", format="npz")
    assert [each.path.name for each in (logos, weights, added)] == [
        "motifs.png", "motifs.png", "letters.npz",
    ]  # fmt: skip
    assert np.load(added.path)["added"].shape == (8, LENGTH)


def test_look_names_the_kernels_that_are_like_motifs_of_a_file(
    model: Model, tmp_path: Path
) -> None:
    letters = [decode(planted(seed, MOTIFS[seed % 4 // 2])[:, 0]) for seed in range(80)]
    (tmp_path / "a.fa").write_text("".join(f">{at}\n{text}\n" for at, text in enumerate(letters)))
    (tmp_path / "a.jaspar").write_text(JASPAR)
    given = {"motifs": tmp_path / "a.jaspar", "out": tmp_path / "look"}
    (drawn,) = look(model, tmp_path / "a.fa", **given)
    assert drawn.text.endswith("; 80 sequences; kernel 0: jun (0.96)")
    for data, show in ((None, "filters"), (tmp_path / "a.fa", "classes")):
        with pytest.raises(OptionError) as caught:
            look(model, data, show=show, **given)
        assert str(caught.value) == (
            "--motifs names the logos of sequences: give these, and --show filters"
        )


def test_other_kinds_are_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        look(model, show="dreams")
    assert str(caught.value) == (
        "of a model on sequences look draws --show filters, of the first layer, and --show "
        "classes; leave out other kinds, --layers and --like"
    )
    with pytest.raises(OptionError) as caught:
        look(model, show="classes")
    assert str(caught.value) == "sequences are needed, as in: striate look MODEL sites.fa"
    (tmp_path / "a.fa").write_text(">1\nAXC\n")
    with pytest.raises(DataError) as caught:
        look(model, tmp_path / "a.fa")
    assert str(caught.value) == (
        f"{tmp_path}/a.fa: none of its sequences can be used: other letter, 'X' at letter 2"
    )


JASPAR = """>MA1.1\tjun
A  [0 0 99 9 0 0 99 ]
C  [ 0 0 0 90 0 99 0 ]
G  [ 0 99 0 0 0 0 0 ]
T  [99 0 0 0 99 0 0 ]
>MA2.1 other
A [ 9 9 9 9 9 9 ]
C [ 90 0 90 0 0 0 ]
G [ 0 90 0 0 90 0 ]
T [ 0 0 0 90 0 90 ]
"""


ETS = """A [ 0 0 0 0 99 99 0 ]
C [ 99 99 0 0 0 0 0 ]
G [ 0 0 99 99 0 0 99 ]
T [ 0 0 0 0 0 0 0 ]
"""


def as_meme(motifs: dict[str, np.ndarray]) -> str:
    lines = ["MEME version 4", "", "ALPHABET= ACGT"]
    for name, shares in motifs.items():
        lines += [f"MOTIF id.1 {name}", f"letter-probability matrix: alength= 4 w= {len(shares)}"]
        lines += [" ".join(f"{each:.4f}" for each in row) for row in shares.tolist()]
    return "\n".join([*lines, "URL https://jaspar.elixir.no/matrix/MA1.1", ""])


def test_files_of_jaspar_and_meme_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.jaspar").write_text(JASPAR, "utf-8-sig")  # with a mark in front
    known = read_known_motifs(tmp_path / "a.jaspar")
    assert {name: shares.shape for name, shares in known.items()} == {
        "jun": (7, 4), "other": (6, 4),
    }  # fmt: skip
    assert decode(known["jun"].argmax(axis=1).astype(np.uint8)) == MOTIFS[0]
    (tmp_path / "a.meme").write_text(as_meme(known))
    again = read_known_motifs(tmp_path / "a.meme")
    assert again.keys() == known.keys()
    assert all(np.allclose(again[name], known[name], atol=0.01) for name in known)


@pytest.mark.parametrize(
    ("similarity", "p", "alike"), [(0.75, 0.01, True), (0.74, 0.001, False), (0.99, 0.011, False)]
)
def test_alike_is_what_is_similar_and_not_by_chance(
    similarity: float, p: float, alike: bool
) -> None:
    assert Known("jun", MotifMatch(similarity, 0, False, p)).alike is alike


def test_kernels_that_are_like_known_motifs_are_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "a.jaspar").write_text(JASPAR)
    codes = np.stack([planted(seed, MOTIFS[seed % 4 // 2]) for seed in range(200)])
    sheet = draw_motifs(model, codes, read_known_motifs(tmp_path / "a.jaspar"))
    assert sheet.text.endswith("; 200 sequences; kernel 0: jun (0.96)")
    known = {"other": read_known_motifs(tmp_path / "a.jaspar")["other"]}
    assert draw_motifs(model, codes, known).text.endswith("; none is like one of 1 known motif")


def test_of_kernels_that_are_like_a_motif_the_best_with_sites_enough_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.jaspar").write_text(JASPAR.partition(">MA2")[0] + ">MA2 ets\n" + ETS)
    known = read_known_motifs(tmp_path / "a.jaspar")
    model = make_model((MOTIFS[1], "AGACTCA", MOTIFS[0]))
    codes = np.stack([planted(seed, MOTIFS[seed % 4 // 2]) for seed in range(200)])
    told = draw_motifs(model, codes, known).text.partition("200 sequences")[2]
    assert told == "; kernel 0: ets (1.00); kernel 1: jun (0.97)"  # 2 is like jun by 0.96
    few = draw_motifs(model, codes[:4], known).text
    assert few.endswith("; 4 sequences; none is like one of 2 known motifs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A 1 2\n", "line 1: no motif; expected '>' and a name (JASPAR), or MOTIF and a name "
         "(MEME)"),
        (">\n", "line 1: a motif without a name"),
        (">x\nA 1 2\nC 1\nG 1 2\nT 1 2\n", "line 1: expected four lines of counts, of A, C, G and "
         "T, equally long"),
        (">x\nA\nC\nG\nT\n", "line 1: expected four lines of counts, of A, C, G and T, equally "
         "long"),
        (JASPAR + ">x y\nA [1]\n", "line 11: expected four lines of counts, of A, C, G and T, "
         "equally long"),
        ("MEME version 5\nMOTIF a b\n0.5 0.5\n", "line 2: expected a letter-probability matrix, "
         "four shares a line"),
    ],
)  # fmt: skip
def test_a_file_without_motifs_is_named_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError) as caught:
        read_known_motifs(tmp_path / "a.txt")
    assert str(caught.value) == f"{tmp_path}/a.txt: {told}"


def test_a_file_of_motifs_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_known_motifs(tmp_path / "none.jaspar")
    assert str(caught.value) == f"{tmp_path}/none.jaspar: no such file or directory"
