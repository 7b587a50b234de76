"""Loading of user networks: a class, a function or a module in a Python file."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
import sys
import sysconfig
from collections.abc import Generator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from striate.errors import OptionError, StriateError, printable, unknown
from striate.storage import storage_error

_runs = itertools.count(1)
_beside: set[str] = set()  # modules that the last executed file imported from its folder
_INSTALLED = tuple(sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))
_OURS = str(Path(__file__).parents[1])


def code_of(path: Path) -> bytes:
    """Read a file. Raises OptionError if it does not exist, StorageError if it cannot be read."""
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for an unreadable parent
        raise OptionError(f"{printable(str(path))}: no such file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise storage_error(path, error, "give a file that can be read") from error


def defined(path: Path, code: bytes, name: str) -> Any:
    """Execute a file and return the object of that name. Raises OptionError."""
    module = _ran(path, code)
    if hasattr(module, name):
        return getattr(module, name)
    if not (candidates := _candidates(module)):
        raise OptionError(f"{printable(str(path))}: defines no module of torch")
    raise unknown(f"network in {printable(str(path))}", name, candidates)


def _ran(path: Path, code: bytes) -> ModuleType:
    """Execute the file as a module in its own package, with access to sibling files.

    Runs exactly the hashed code, never a cached .pyc, with a fixed random seed.
    """
    for module in _beside:
        sys.modules.pop(module, None)
    package = ModuleType(f"striate_own_{next(_runs)}")
    package.__path__ = [str(path.parent)]
    spec = spec_from_file_location(f"{package.__name__}.{path.stem.replace('.', '_')}", path)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[package.__name__], sys.modules[spec.name] = package, module
    before = set(sys.modules)
    with (
        beside(path),
        told(f"{printable(str(path))}: cannot be run"),
        torch.random.fork_rng(devices=()),
    ):
        torch.default_generator.manual_seed(0)
        exec(compile(code, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102
    _beside.clear()
    _beside.update(name for name in sys.modules.keys() - before if _lies_in(path.parent, name))
    return module


def _lies_in(folder: Path, module: str) -> bool:
    top = folder / module.partition(".")[0]
    return top.is_dir() or top.with_suffix(".py").is_file()


@contextlib.contextmanager
def beside(path: Path) -> Generator[None]:
    """Make sibling files importable by name."""
    folder = str(path.parent.absolute())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _candidates(module: ModuleType) -> list[str]:
    """Return the names of nn.Module subclasses defined in the file, and of nn.Module instances."""

    def fits(value: Any) -> bool:
        own = inspect.isclass(value) and value.__module__ == module.__name__
        return isinstance(value, nn.Module) or (own and issubclass(value, nn.Module))

    return [name for name, value in vars(module).items() if fits(value)]


@contextlib.contextmanager
def told(what: str) -> Generator[None]:
    """Translate exceptions of user code into OptionError with file and line."""
    try:
        yield
    except StriateError:
        raise
    except (Exception, SystemExit) as error:
        raise OptionError(f"{what}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Format an error of user code: type, first line of the message, file and line."""
    text = printable(str(error).splitlines()[0] if str(error) else "", 200)
    place = "" if isinstance(error, SyntaxError) else _place(error)  # its message has it already
    return f"{type(error).__name__}: {text}".removesuffix(": ") + place


def _place(error: BaseException) -> str:
    """Return file and line of the innermost frame outside striate and installed packages."""
    place, step = "", error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if file.startswith(_OURS):
            place = ""
        elif not file.startswith((*_INSTALLED, "<frozen")):
            place = f" ({printable(Path(file).name)}, line {step.tb_lineno})"
        step = step.tb_next
    return place
