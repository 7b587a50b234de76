"""Options say which one is wrong, what it takes and what came; nothing else is ever raised."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from striate import options
from striate.cli.numbers import command as numbers
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.errors import OptionError, StorageError
from striate.options import (
    EnsembleOptions,
    EvaluateOptions,
    GenerateOptions,
    Options,
    PointsOptions,
    PredictOptions,
    RateOptions,
    TrainOptions,
    peers,
    words,
)

MODELS = (TrainOptions, EvaluateOptions, PredictOptions)
RECIPE = """
network = "resnet20"
epochs = 12
learning_rate = 0.25
out = "runs/twelve"
"""


def refusal(values: dict[Any, Any], model: type[Options] = TrainOptions) -> str:
    with pytest.raises(OptionError) as caught:
        model.read(values)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_what_is_not_given_has_its_default() -> None:
    assert TrainOptions.read({}) == TrainOptions()
    assert TrainOptions.read({}).validation == 0.15
    assert EvaluateOptions.read({}).split is None
    assert PredictOptions.read({}).top == 3


WHOLE = "layers must be none or up to 10 whole numbers from 1 to 1024, as in 8,8, but {} came"
RISING = "at must be up to 24 rising whole numbers, as in 1,10,100, but {} came"


@pytest.mark.parametrize("given", ["8,9", (8, 9), [8, 9], " 8, 9"])
def test_layers_of_points_are_read_from_text_and_numbers(given: Any) -> None:
    assert PointsOptions.read({"layers": given}).layers == (8, 9)


@pytest.mark.parametrize("given", ["none", (), []])
def test_no_layers_are_a_linear_network(given: Any) -> None:
    assert PointsOptions.read({"layers": given}).layers == ()
    assert PointsOptions.read({}).layers == PointsOptions().layers == (8, 8)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        *(("layers", given, WHOLE) for given in ("", "8,", "0", "8,1025", "8.5", [8.5], 8, None)),
        ("layers", "1," * 10 + "1", WHOLE),
        *(("at", given, RISING) for given in ("", "x", "-1,2", "2,1", "3,3", [1.5], 7, range(25))),
    ],
)
def test_wrong_layers_and_epochs_of_points_are_told(name: str, given: Any, message: str) -> None:
    assert refusal({name: given}, PointsOptions) == message.format(repr(given))


def test_an_epoch_that_is_not_trained_cannot_be_drawn() -> None:
    assert refusal({"at": (2, 20), "epochs": 10}, PointsOptions) == (
        "epoch 20 should be drawn, but the training has 10"
    )


def test_text_of_a_flag_is_read_as_its_kind() -> None:
    said = {"epochs": "17", "minutes": "2.5", "network": "lenet5", "out": "runs/a", "fit": "crop"}
    options = TrainOptions.read(said)
    assert options == TrainOptions(
        epochs=17, minutes=2.5, network="lenet5", out=Path("runs/a"), fit="crop"
    )
    assert PredictOptions.read({"raw_csv": "true"}).raw_csv is True


@pytest.mark.parametrize("model", MODELS)
def test_every_option_has_a_help_and_its_default_is_allowed(model: type[Options]) -> None:
    for name, field in model.model_fields.items():
        assert field.description
        assert getattr(model.read({name: field.default}), name) == field.default


def test_options_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrainOptions().seed = 3  # type: ignore[misc]


def test_an_unknown_option_is_corrected() -> None:
    assert refusal({"learning_rat": 3}) == (
        "no option is called 'learning_rat'; did you mean 'learning_rate', 'largest' or "
        "'clip_grad'?"
    )
    assert refusal({"zz": 3}, EnsembleOptions) == (
        "no option is called 'zz'; there are 'batch', 'data', 'device', 'largest', 'leaked', "
        "'leave_out' and 'split'"
    )
    assert refusal({5: 3}, EnsembleOptions) == (
        "no option is called '5'; there are 'batch', 'data', 'device', 'largest', 'leaked', "
        "'leave_out' and 'split'"
    )


WRONG = [
    ({"epochs": 0}, "epochs must be at least 1, but 0 came"),
    ({"epochs": -7}, "epochs must be at least 1, but -7 came"),
    ({"epochs": "200000"}, "epochs must be at most 100000, but '200000' came"),
    ({"epochs": "many"}, "epochs must be a whole number, but 'many' came"),
    ({"epochs": 2.5}, "epochs must be a whole number, but 2.5 came"),
    ({"epochs": "2.5"}, "epochs must be a whole number, but '2.5' came"),
    ({"epochs": [4]}, "epochs must be a whole number, but [4] came"),
    ({"epochs": True}, "epochs must be a whole number, but 'true' came"),
    ({"epochs": float("inf")}, "epochs must be a finite number, but inf came"),
    ({"epochs": 10**5000}, "epochs must be at most 100000, but a huge int came"),
    ({"seed": "9" * 9000}, f"seed must be a whole number, but '{'9' * 199}... came"),
    ({"seed": 2**63}, f"seed must be below {2**63}, but {2**63} came"),
    ({"minutes": "soon"}, "minutes must be a number, but 'soon' came"),
    ({"minutes": {}}, "minutes must be a number, but {} came"),
    ({"minutes": False}, "minutes must be a number, but 'false' came"),
    ({"minutes": "1e400"}, "minutes must be a finite number, but '1e400' came"),
    ({"minutes": 0}, "minutes must be above 0.0, but 0 came"),
    ({"learning_rate": "nan"}, "learning_rate must be a finite number, but 'nan' came"),
    ({"learning_rate": -0.5}, "learning_rate must be above 0.0, but -0.5 came"),
    ({"label_smoothing": 1}, "label_smoothing must be below 1.0, but 1 came"),
    (
        {"betas": "0.9", "optimizer": "adam"},
        "betas must be two numbers, 0 or more and below 1, as in 0.9,0.95, but '0.9' came",
    ),
    (
        {"betas": [0.9, 1], "optimizer": "adam"},
        "betas must be two numbers, 0 or more and below 1, as in 0.9,0.95, but [0.9, 1] came",
    ),
    (
        {"momentum": 0.9, "optimizer": "sgd"},
        "sgd has no use for momentum; leave it out, or take the optimizer momentum, nesterov, "
        "rmsprop, lars or muon",
    ),
    (
        {"betas": "0.9,0.95"},
        "nesterov has no use for betas; leave it out, or take the optimizer adam, adamw, lamb, "
        "lion or muon",
    ),
    ({"batch": "1"}, "batch must be at least 2 or 'auto', but '1' came"),
    ({"size": 7}, "size must be at least 8, but 7 came"),
    ({"fit": "squash"}, "fit must be 'letterbox', 'crop' or 'stretch', but 'squash' came"),
    ({"fit": ["crop"]}, "fit must be 'letterbox', 'crop' or 'stretch', but ['crop'] came"),
    ({"fit": "\udc80"}, r"fit must be readable text, but '\udc80' came"),
    ({"network": 18}, "network must be text or a module or what makes one, but 18 came"),
    (
        {"network": b"\xff"},
        r"network must be readable text or a module or what makes one, but b'\xff' came",
    ),
    ({"out": 3}, "out must be a path, but 3 came"),
    ({"color": "a\x1b[31m\nb"}, r"color must be 'gray' or 'rgb', but 'a\x1b[31m\nb' came"),
    (
        {"epochs": dt.date(2026, 11, 3)},
        "epochs must be a whole number, but datetime.date(2026, 11, 3) came",
    ),
    (
        {"validation": 0.75, "test": "0.5"},
        "validation 0.75 and test 0.5 leave no images to train on; together they must stay below 1",
    ),
]


@pytest.mark.parametrize(("values", "message"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_is_told_with_what_it_must_be(values: dict[str, Any], message: str) -> None:
    assert refusal(values) == message


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        *(
            ("lr", "learning_rate"),
            ("batch_size", "batch"),
            ("model", "network"),
            ("wd", "weight_decay"),
        ),
        *(("LR_Scheduler", "schedule"), ("optim", "optimizer"), ("imgsz", "size")),
        *(("img-size", "size"), ("num_epochs", "epochs"), ("label_smooth", "label_smoothing")),
        *(
            ("validation_split", "validation"),
            ("model_ema", "ema"),
            ("learning-rate", "learning_rate"),
        ),
    ],
)
def test_a_word_of_other_libraries_is_answered_with_ours(word: str, ours: str) -> None:
    assert refusal({word: 1}) == f"there is no option {word!r}: it is called {ours} here"
    with pytest.raises(OptionError) as caught:
        EvaluateOptions.read({word: 1})
    if ours != "batch":
        assert "is called" in str(caught.value)


def test_a_word_for_what_needs_no_option_is_answered_with_what_to_do() -> None:
    assert refusal({"num_workers": 4}) == (
        "there is no option 'num_workers': images are decoded once, by all cores; there is "
        "nothing to set"
    )


def test_every_word_of_other_libraries_leads_to_an_option_or_a_sentence() -> None:
    options = {
        name for model in (*MODELS, RateOptions, GenerateOptions) for name in model.model_fields
    }
    for theirs, ours in peers._OURS.items():
        assert " " in ours or ours in options, theirs
        assert theirs not in options or theirs == ours or peers.hint(theirs, {theirs}) is None


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        *(("optimizer", "AdamW", "adamw"), ("optimizer", "SGD", "sgd")),
        *(("schedule", "one_cycle", "one-cycle"), ("schedule", "OneCycleLR", "one-cycle")),
        *(("memory_format", "channels_last", "channels-last"), ("precision", "fp16", "float16")),
        *(("color", "RGB", "rgb"), ("color", "gray", "gray"), ("batch", "AUTO", "auto")),
    ],
)
def test_words_are_taken_in_other_capitals_and_with_other_hyphens(
    name: str, theirs: str, ours: str
) -> None:
    assert getattr(TrainOptions.read({name: theirs}), name) == ours


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cpu:0", "CUDA", ""])
@pytest.mark.parametrize("model", MODELS)
def test_a_device_that_nothing_is_called_is_refused(model: type[Options], device: str) -> None:
    said = f"device must be auto, cpu, cuda or cuda:N, but {device!r} came"
    assert refusal({"device": device}, model) == said


def test_a_file_that_ends_otherwise_is_refused_with_the_options() -> None:
    said = "a.pdf: expected a file that ends in .html or .md or .json"
    assert refusal({"out": "a.pdf"}, EvaluateOptions) == said


def test_a_switch_is_true_or_false() -> None:
    assert refusal({"raw_csv": "perhaps"}, PredictOptions) == (
        "raw_csv must be true or false, but 'perhaps' came"
    )
    assert refusal({"raw_csv": [5]}, PredictOptions) == (
        "raw_csv must be true or false, but [5] came"
    )


def test_lists_without_end_are_refused() -> None:
    endless: list[Any] = []
    for _ in range(100_000):
        endless = [endless]
    assert refusal({"epochs": endless}) == "epochs must be a whole number, but a huge list came"


def test_the_file_that_values_come_from_is_named() -> None:
    with pytest.raises(OptionError) as caught:
        TrainOptions.read({"epochs": 0}, source="runs/a\nb/options.json")
    assert str(caught.value) == r"runs/a\nb/options.json: epochs must be at least 1, but 0 came"


def test_a_recipe_gives_options_and_changes_override_it(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    expected = TrainOptions(
        network="resnet20", epochs=12, learning_rate=0.25, out=Path("runs/twelve")
    )
    assert TrainOptions.read_toml(recipe, {}) == expected
    changed = TrainOptions.read_toml(recipe, {"epochs": "3"})
    assert changed == expected.model_copy(update={"epochs": 3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "epochs must be at least 1, but 0 came"),
        ("epochss = 4", "no option is called 'epochss'; did you mean 'epochs' or 'eps'?"),
        ("lr = 0.1", "there is no option 'lr': it is called learning_rate here"),
        ("epochs = true", "epochs must be a whole number, but 'true' came"),
        ("minutes = nan", "minutes must be a finite number, but nan came"),
        ("minutes = -inf", "minutes must be a finite number, but -inf came"),
        ("[epochs]\nfew = 3", "epochs must be a whole number, but {'few': 3} came"),
        (
            "epochs: 12",
            "not TOML: Expected '=' after a key in a key/value pair (at line 1, column 7)",
        ),
        ("seed = 1\nseed = 2\n", "not TOML: Cannot overwrite a value (at line 2, column 9)"),
        ("epochs = !!python/object 5", "not TOML: Invalid value (at line 1, column 10)"),
        (
            "seed = " + "9" * 5000,
            "not TOML: Exceeds the limit (4300 digits) for integer string conversion: value has "
            "5000 digits; use sys.set_int_max_str_digits() to increase the limit",
        ),
        ("seed = " + "[" * 100_000, "not TOML: maximum recursion depth exceeded"),
    ],
    ids=range(12),
)
def test_a_wrong_recipe_is_named_with_its_reason(tmp_path: Path, text: str, message: str) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text)
    with pytest.raises(OptionError) as caught:
        TrainOptions.read_toml(recipe, {})
    assert str(caught.value) == f"{recipe}: {message}"


def test_a_recipe_that_is_no_text_is_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "a\tb.toml"
    recipe.write_bytes(b"seed = 5\n\xff")
    with pytest.raises(OptionError) as caught:
        TrainOptions.read_toml(recipe, {})
    assert str(caught.value) == (
        rf"{tmp_path}/a\tb.toml: not TOML: 'utf-8' codec can't decode byte 0xff in position 9: "
        "invalid start byte"
    )


def test_a_recipe_that_cannot_be_read_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        TrainOptions.read_toml(tmp_path / "missing.toml", {})
    assert str(caught.value) == f"{tmp_path / 'missing.toml'}: no such file or directory"
    with pytest.raises(StorageError) as caught:
        TrainOptions.read_toml(tmp_path, {})
    assert str(caught.value) == f"{tmp_path}: is a directory"


KEYS = sorted({name for model in MODELS for name in model.model_fields})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**4000, 10**4600)
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.complex_numbers()
    | st.decimals()
    | st.sampled_from(["1e400", "-0", "{0}", "{expected}", "%s", "١٢", "0x10", "1_000", " 7 "])
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(KEYS) | st.text(st.characters(), max_size=12) | st.integers() | st.none()


@settings(deadline=None, max_examples=250)
@given(values=st.dictionaries(NAMES, JUNK, max_size=4), model=st.sampled_from(MODELS))
def test_any_junk_is_an_option_error_or_options(
    values: dict[Any, Any], model: type[Options]
) -> None:
    try:
        options = model.read(values)
    except OptionError as error:
        message = str(error)
    else:
        message = "none"
        assert values.keys() <= model.model_fields.keys()
        assert model.read(options.model_dump()) == options
    assert message.isprintable()
    assert len(message) < 700
    assert "of another kind" not in message


@settings(deadline=None, max_examples=150)
@given(content=st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode()))
def test_any_bytes_are_an_option_error_or_options(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe = tmp_path_factory.getbasetemp() / "junk.toml"
    recipe.write_bytes(content)
    try:
        TrainOptions.read_toml(recipe, {})
    except OptionError as error:
        message = str(error)
    else:
        message = "none"
    assert message.isprintable()


def test_the_limit_of_an_image_is_one_for_every_command():
    models = [each for each in vars(options).values() if isinstance(each, type)]
    found = [
        each.model_fields["largest"].default
        for each in models
        if issubclass(each, Options) and "largest" in each.model_fields
    ]
    found += [param.default for param in numbers.params if param.name == "largest"]
    assert len(found) > 6
    assert set(found) == {LARGEST_MEGABYTES}


#: a value other than the default for every option of a training
OTHERS: dict[str, Any] = {
    "weights": "package", "reuse": "2", "freeze": "all", "norms": "refit", "views": 3,
    "backbone_rate": 0.3, "rate_by_depth": 0.5, "thaw_at": 3, "network": "lenet5",
    "task": "classification", "task_params": "focal=2", "batch": 8, "size": 40, "color": "gray",
    "fit": "crop", "optimizer": "muon", "momentum": 0.8, "betas": (0.9, 0.95), "eps": 1e-7,
    "weight_decay": 0.01, "clip_grad": 2.0, "accumulate": 2, "balance": "weights",
    "label_smoothing": 0.1, "augment": "none", "augment_params": "rotate=15,hflip=no",
    "mirrored": "angle=-v",
    "validation": 0.2, "test": 0.0, "leaked": "drop", "leave_out": Path("bad.txt"),
    "group": "{group}_*.png", "bad_images": "fail", "largest": 100,
    "precision": "float32", "memory_format": "channels-last", "compile": "no", "micro_batches": 2,
    "autotune": "no", "deterministic": True, "batch_norm": "local", "seed": 2**62, "device": "cpu",
    "threads": 2, "epochs": 3, "minutes": 1.5, "learning_rate": 1e-5, "schedule": "plateau",
    "warmup": 0.05, "ema": 0.99, "recover": True, "patience": 4,
    "checkpoint_minutes": 2.0, "out": "runs/a b", "augment_with": Path("runs/made"),
    "augment_count": 50,
}  # fmt: skip


def test_every_option_is_read_back_from_the_words_of_its_command() -> None:
    from striate.cli import train

    assert OTHERS.keys() == TrainOptions.model_fields.keys()
    for name, value in OTHERS.items():
        more = {"optimizer": "muon"} if name in ("betas", "eps") else {}
        more |= {"augment_with": "runs/made"} if name == "augment_count" else {}
        asked = TrainOptions.read({**more, name: value})
        assert getattr(asked, name) != getattr(TrainOptions(), name)
        context = train.command.make_context("train", ["photos", *words(asked.given())])
        told = {key: context.params[key] for key in TrainOptions.model_fields}
        read = TrainOptions.read({key: text for key, text in told.items() if text is not None})
        assert read == asked, name


@pytest.mark.parametrize(
    ("options", "values", "message"),
    [
        (
            TrainOptions,
            {"augment_params": "x"},
            "--augment-params takes ranges by name, as in rotate=15,translate=0.1, but 'x' came",
        ),
        (
            TrainOptions,
            {"augment_params": "hue=200"},
            "--augment-params: hue must be at most 180.0, but '200' came",
        ),
        (
            TrainOptions,
            {"momentum": 0.9, "optimizer": "adam"},
            "adam has no use for --momentum; leave it out, or take the optimizer momentum, "
            "nesterov, rmsprop, lars or muon",
        ),
        (
            TrainOptions,
            {"validation": 0.75, "test": 0.5},
            "--validation 0.75 and --test 0.5 leave no images to train on; together they must "
            "stay below 1",
        ),
        (
            RateOptions,
            {"lowest": 1.0, "highest": 0.5},
            "the rate rises, but --lowest 1.0 and --highest 0.5 came",
        ),
        (
            EvaluateOptions,
            {"threshold": 0.3, "min_recall": 0.9},
            "--threshold, --min-precision and --min-recall each set it; give one",
        ),
        (
            EvaluateOptions,
            {"save_threshold": True},
            "--save-threshold stores what --positive, --threshold, --min-precision or --min-recall "
            "sets; give one of them",
        ),
        (
            EvaluateOptions,
            {"out": "page.txt"},
            "page.txt: expected a file that ends in .html or .md or .json",
        ),
    ],
)
def test_an_option_of_the_command_line_is_called_as_it_is_typed(
    options: type[Options], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        options.read(values, flags=True)
    assert str(caught.value) == message
