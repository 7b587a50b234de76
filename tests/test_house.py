"""The house keeps its floors, its doors are light, and its names are those it announces."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import striate
from striate import zoo
from striate.options.choices import NETWORK_NAMES

SOURCE = Path(striate.__file__).parent
FLOORS = (
    {"errors", "legacy", "options", "progress", "storage", "text"},
    {"arithmetic", "cache_store", "metrics", "onnx_seal", "samples", "tensorfile", "vision"},
    {"distributed", "layers", "optim", "plotting"},
    {"hardware", "runtimes", "sealed", "summary", "zoo"},
    {"data", "points", "tasks"},
    {
        *("images", "input_description", "model", "model_description", "model_file"),
        *("onnx_model", "provenance", "rejection"),
    },
    {"training"},
    {"deployment", "evaluation", "look", "model_card", "prediction"},
    {"serving", "studies"},
    {"verbs"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(SOURCE.rglob("*.py"))


def name(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(("striate", *parts)).removesuffix(".__init__")


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imported(file: Path) -> set[str]:
    """Our modules that a file imports, anywhere in it; `from x import y` as x.y if a module."""
    modules = {name(other) for other in FILES}
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & modules) or {str(node.module)}
    return {module for module in found if module.split(".")[0] == "striate"}


def test_every_file_stands_on_a_floor():
    rooms = {room(name(file)) for file in FILES} - {""}
    assert rooms == set(FLOOR)


def test_no_file_imports_from_a_higher_floor():
    upward = [
        (name(file), module)
        for file in FILES
        for module in imported(file)
        if room(name(file)) and room(module) and FLOOR[room(module)] > FLOOR[room(name(file))]
    ]
    assert upward == []


def test_no_two_files_import_each_other():
    graph = {name(file): imported(file) - {"striate"} for file in FILES if name(file) != "striate"}
    assert cycle(graph) == {}


def folder(module: str) -> str:
    """Where a module stands; a file beside the folders stands for itself."""
    file = SOURCE.joinpath(*module.split(".")[1:])
    place = file if file.is_dir() else file.parent
    return file.name if place == SOURCE else str(place.relative_to(SOURCE))


def test_no_two_folders_import_each_other():
    graph: dict[str, set[str]] = {}
    for file in FILES:
        if name(file) != "striate":
            here = folder(name(file))
            others = {folder(module) for module in imported(file) if module != "striate"}
            graph[here] = graph.get(here, set()) | others - {here}
    assert cycle(graph) == {}


#: what every task is made of; all else in tasks/ belongs to a particular task
ANY_TASK = {"answers", "figures", "fitness", "results", "sections", "suspects", "task"}
#: a public name of striate is that of classification
OF_ONE_TASK = {"striate"}


def test_outside_of_tasks_nothing_imports_a_particular_task():
    def particular(module: str) -> bool:
        return module.startswith("striate.tasks.") and module.split(".")[2] not in ANY_TASK

    importing = {
        name(file)
        for file in FILES
        if room(name(file)) != "tasks" and any(map(particular, imported(file)))
    }
    assert importing == OF_ONE_TASK


def cycle(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left of a graph when everything that needs nothing left is taken away."""
    left = dict(graph)
    while ready := [each for each, needs in left.items() if not needs & left.keys()]:
        for each in ready:
            del left[each]
    return left


@pytest.mark.parametrize(
    ("graph", "left"),
    [({"a": {"b"}, "b": set()}, set()), ({"a": {"b"}, "b": {"a"}, "c": {"d"}}, {"a", "b"})],
)
def test_a_cycle_is_found(graph: dict[str, set[str]], left: set[str]):
    assert set(cycle(graph)) == left


def test_a_file_has_40_to_300_lines_and_a_zoo_page_at_most_130():
    """A verb is a file of its own, however short, as is what a package says of itself."""
    lines = {
        name(file): len(file.read_text("utf-8").splitlines())
        for file in FILES
        if file.name not in ("__init__.py", "__main__.py")
    }
    most = {m: 130 if m.startswith("striate.zoo.pages.") else 300 for m in lines}
    least = {m: 1 if m.startswith(("striate.cli.", "striate.verbs.")) else 40 for m in lines}
    assert {m: n for m, n in lines.items() if not least[m] <= n <= most[m]} == {}


def test_no_function_is_longer_than_40_lines():
    long = {}
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                doc = ast.get_docstring(node)
                length -= len(doc.splitlines()) + 2 if doc else 0
                if length > 40:
                    long[f"{name(file)}.{node.name}"] = length
    assert long == {}


def test_the_public_names_are_those_announced_and_at_most_36():
    assert sorted(striate.__all__) == sorted(striate._HOMES)
    assert len(striate.__all__) <= 36
    for public in striate.__all__:
        assert getattr(striate, public).__module__.startswith("striate.")


def test_type_checkers_see_the_same_public_names():
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == striate._HOMES


def test_a_name_that_striate_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="striate has no 'trian'"):
        _ = striate.trian


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import striate", {"torch", "numpy", "PIL", "pydantic", "click", "matplotlib"}),
        ("import striate.cli; striate.cli.main(['--help'])", {"torch", "numpy", "PIL", "pydantic"}),
        ("import striate.cli; striate.cli.main(['train', '--help'])", {"torch", "numpy", "PIL"}),
        (
            "import striate.cli; striate.cli.main(['size', '--input', '7', '--kernel', '3'])",
            {"torch", "numpy", "PIL", "rich"},
        ),
        ("import striate.data.check", {"torch", "jinja2", "pydantic"}),
        ("import striate.data.cache.worker", {"torch", "numpy", "pydantic", "rich"}),
        ("import striate.verbs", {"jinja2", "torchvision"}),
        ("import striate.cli; striate.cli.main(['filter', '--help'])", {"torch", "numpy", "PIL"}),
        ("import striate.samples", {"torch", "PIL", "pydantic"}),
        ("import striate; striate.numbers", {"torch", "scipy.signal", "pydantic"}),
        ("import striate.images.gallery", {"torch", "scipy.signal"}),
        ("import striate.runtimes", {"torch", "numpy", "onnx", "onnxruntime", "openvino"}),
        ("import striate.sealed", {"torch", "numpy", "pydantic", "onnxruntime"}),
    ],
)
def test_doors_are_light(code: str, heavy: set[str]):
    listed = run(f"{code}\nimport sys, json; print(); print(json.dumps(list(sys.modules)))")
    assert heavy & set(json.loads(listed.splitlines()[-1])) == set()


WRONG = [
    *(("train nowhere", 3), ("train", 2), ("train . --epochs 0", 2), ("train . --lr 1", 2)),
    *(("train . --network resnet17", 2), ("train . --network resnet17(width=2)", 2)),
    *(("train . --device gpu", 2), ("train . --recipe nowhere", 4), ("train --resume .", 2)),
    *(
        ("train . --optimizer adam --momentum 0.9", 2),
        ("train . --validation 0.8 --test 0.8", 2),
    ),
    *(("find-rate nowhere", 3), ("find-rate . --steps 2", 2), ("find-rate . --out a.pdf", 2)),
    *(("compare nowhere --networks lenet5,resnet20 --minutes 1", 3), ("compare .", 2)),
    *(("find-rate . --network resnet17", 2), ("verify .", 2), ("pack nowhere --to x", 3)),
    *(("evaluate nowhere .", 2), ("evaluate . nowhere", 3), ("evaluate . . --device gpu", 2)),
    *(("evaluate . . --out a.pdf", 2), ("predict nowhere .", 2), ("predict . nowhere", 3)),
    *(("predict . . --top 0", 2), ("predict . . --out a.pdf", 2), ("check nowhere", 3)),
    *(("check . --augment most", 2), ("check . --out a.pdf", 2), ("describe resnet17", 2)),
    *(("describe fcn:resnet17", 2), ("describe lenet5 resnet17", 2)),
    *(("describe lenet5 --out a.pdf", 2), ("describe lenet5 vgg16 --folded", 2)),
    *(("points moon", 2), ("points nowhere.csv", 3), ("points --layers x", 2)),
    *(("embed nowhere . --out a.npz", 2), ("embed . nowhere --out a.npz", 3), ("embed . .", 2)),
    *(("embed . . --out a.csv", 2), ("embed . . --out a.npz --device gpu", 2)),
    ("filter nowhere --kernel sobel-x", 3),
    *(("transferability nowhere .", 3), ("transferability . --seeds 0", 2)),
    *(("transferability .", 2), ("transferability . . --network resnet17", 2)),
    *(("numbers nowhere", 3), ("cache --largest much", 2), ("size --input 0", 2)),
]
#: Each line in a fork of a process that has loaded what every command needs
TOLD = """
import json, os, sys
import striate.cli

assert striate.cli.main(["train", "nowhere"]) == 3
told = {}
for line in json.loads(sys.argv[1]):
    here, there = os.pipe()
    if (child := os.fork()) == 0:
        code = striate.cli.main(line.split())
        os.write(there, f"{code} {'torch' in sys.modules}".encode())
        os._exit(0)
    os.close(there)
    told[line] = os.read(here, 99).decode()
    os.waitpid(child, 0)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """The exit code of each wrong line, and whether torch was loaded."""
    command = [sys.executable, "-c", TOLD, json.dumps([line for line, _ in WRONG])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("line", "code"), WRONG)
def test_what_is_wrong_is_told_before_torch_is_loaded(line: str, code: int, told: dict[str, str]):
    assert told[line] == f"{code} False"


def test_the_names_that_are_known_without_torch_are_those_of_the_zoo():
    assert tuple(zoo.CARDS) == NETWORK_NAMES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "most"),
    [
        ("--help", 0.3),
        ("size --input 227 --kernel 11 --stride 4", 0.2),
        ("size --input 227x227x3 conv(96,11,stride=4) pool(3,2)", 0.2),
    ],
)
def test_a_light_command_answers_at_once(line: str, most: float, tmp_path: Path):
    """Processor time of the quickest of several runs: other work on the machine does not count.

    The first run compiles to bytecode, as an installation does.
    """
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path)

    def seconds() -> float:
        before = os.times()
        command = [sys.executable, "-m", "striate", *line.split()]
        subprocess.run(command, check=True, capture_output=True, env=env)
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])  # of the children

    assert min(seconds() for _ in range(8)) < most


def test_the_version_stands_in_the_changelog():
    changelog = (SOURCE.parents[1] / "CHANGELOG.md").read_text("utf-8")
    assert f"## {striate.__version__}" in changelog
