"""The card of a model: metadata that the Hugging Face Hub reads, and sections for people."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

import striate
from striate.cli import main
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.model_card.card import write_card
from striate.model_card.info import ModelInfo
from striate.provenance import Provenance
from striate.tasks import find_answers


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {"network": "lenet5", "epochs": 1, "threads": 1, "progress": False}
    return striate.train(photos, out=tmp_path_factory.mktemp("runs") / "stripes", **options).folder


@pytest.fixture(scope="module")
def info(run: Path) -> ModelInfo:
    return striate.info(run)


def card_of(info: ModelInfo) -> ModelCard:
    return ModelCard(write_card(info), ignore_metadata_errors=False)


def test_the_hub_reads_the_results_from_its_head(info: ModelInfo):
    data = card_of(info).data
    (score,) = info.scores.figures
    (found,) = data.eval_results
    interval = f"95 % interval {score.interval}, n = {score.images}"
    assert (found.task_type, found.task_name) == ("image-classification", "classification")
    assert (found.dataset_name, found.dataset_split) == ("stripes", "test")
    assert found.dataset_revision == info.provenance.data.sha256
    assert (found.metric_type, found.metric_value) == ("accuracy", score.value)
    assert found.metric_name == f"accuracy ({interval})"
    rest = data.to_dict()
    del rest["model-index"]
    assert (data.model_name, rest) == (
        "stripes",
        {
            "library_name": "striate",
            "pipeline_tag": "image-classification",
            "tags": ["striate", "classification", "image", "safetensors"],
            "metrics": ["accuracy"],
        },
    )


def test_its_sections_say_what_the_file_knows(info: ModelInfo):
    text = write_card(info)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "What it is", "Intended use", "How to use it", "Training data", "Evaluation", "Limits",
        "Preprocessing", "Training", "File",
    ]  # fmt: skip
    (score,) = info.scores.figures
    assert f"| accuracy | {score.shown} | {score.interval} | {score.images} |" in text
    flat = (info.provenance.data.per_name[split][0] for split in ("train", "validation", "test"))
    assert f"| flat | {' | '.join(map(str, flat))} |" in text
    assert "- It answers every image with a class, also one that shows none of them." in text


def test_its_programs_run(info: ModelInfo, run: Path, photos: Path):
    blocks = re.findall(r"```python\n(.*?)```", write_card(info), re.DOTALL)
    for block in blocks:
        code = block.replace('"FILE"', repr(str(photos / "flat" / "00.png")))
        exec(code.replace('"model.safetensors"', repr(str(run / "model.safetensors"))), {})
    assert len(blocks) == 2


def test_what_is_not_known_is_left_out(info: ModelInfo):
    bare = replace(info, provenance=Provenance(), facts={})
    assert card_of(bare).data.to_dict().keys() == {"library_name", "pipeline_tag", "tags"}
    text = write_card(bare)
    assert "## Evaluation" not in text
    assert "## Training" not in text
    assert "- How well it does is not recorded in the file." in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("apache-2.0", {"license": "apache-2.0"}),
        ("Apache Software License 2.0", {"license": "apache-2.0"}),
        ("MIT License", {"license": "mit"}),
        ("My own: terms!", {"license": "other", "license_name": "my-own-terms"}),
        (
            "https://example.org/LICENSE",
            {
                "license": "other",
                "license_name": "of-the-weights",
                "license_link": "https://example.org/LICENSE",
            },
        ),
    ],
)
def test_the_license_is_that_of_the_first_weights(info: ModelInfo, text: str, told: dict[str, str]):
    given = replace(info, provenance=replace(info.provenance, license=text))
    found = card_of(given).data.to_dict()
    assert {name: text for name, text in found.items() if "license" in name} == told


def test_a_license_that_forbids_selling_is_a_limit(info: ModelInfo):
    weights = "resnet18 of somebody, license cc-by-nc-4.0, which forbids commercial use"
    given = replace(info, facts={**info.facts, "weights": weights})
    assert f"- It began with weights of others: {weights}." in write_card(given)


@pytest.mark.parametrize(
    "name", ["- x: [1]", 'a"b\\', "caf\udce9", "猫 😀", "<b>|`#", "line\nbreak"]
)
def test_any_name_leaves_the_card_whole(info: ModelInfo, name: str):
    data = replace(info.provenance.data, name=name)
    task = find_answers("classification")(TargetSpec("label", (name, "dog", "owl")))
    odd = replace(info, task=task, provenance=replace(info.provenance, data=data))
    plain, given = write_card(info), write_card(odd)
    assert card_of(odd).data.eval_results[0].dataset_name == (
        name.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n")
    )
    assert given.count("\n") == plain.count("\n")
    assert "<b>" not in given.split("---\n", 2)[2]


def test_a_card_that_exists_is_replaced_only_when_asked(run: Path, tmp_path: Path):
    card = tmp_path / "card.md"
    card.write_text("mine")
    with pytest.raises(OptionError) as caught:
        striate.info(run, model_card=card)
    assert str(caught.value) == (f"{card} exists; replace it with --overwrite, or choose another")
    assert card.read_text() == "mine"
    striate.info(run, model_card=card, overwrite=True)
    assert card.read_text() == write_card(striate.info(run))


def test_the_card_never_replaces_the_model(run: Path, tmp_path: Path):
    place = Path(shutil.copy(run / "model.safetensors", tmp_path / "model.md"))
    with pytest.raises(OptionError) as caught:
        striate.info(place, model_card=place, overwrite=True)
    assert str(caught.value) == f"{place} is an input of this command; choose another name"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model-card", "card.txt"], "card.txt: expected a file that ends in .md"),
        (["--overwrite"], "--overwrite is about the card; say where with --model-card"),
    ],
)
def test_a_wrong_option_is_refused(
    run: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["info", str(run), *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"striate: error: {said}")
