"""Lazy imports of optional libraries such as torchvision and timm."""

from __future__ import annotations

import importlib
import sys
from itertools import dropwhile
from traceback import walk_tb
from types import ModuleType

from striate.errors import OptionError, printable

#: module -> the extra of striate that installs it
_EXTRAS = {"torchvision": "torchvision", "timm": "timm"}


def import_library(name: str, purpose: str) -> ModuleType:
    """Import a module; `purpose` starts the error message if it is missing.

    Raises OptionError with the command that installs it.
    """
    package = name.partition(".")[0]
    command = f"pip install 'striate[{_EXTRAS.get(package, 'pretrained')}]'"
    shown = package.replace("_", "-")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (package, name):
            raise _broken(purpose, shown, error) from error
        raise OptionError(f"{purpose} needs {shown}, which is not installed: {command}") from error
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        raise _broken(purpose, shown, error) from error


def _broken(purpose: str, shown: str, error: Exception) -> OptionError:
    """Explain a failed import, which may be a dependency's, such as torchvision for timm."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0].replace("_", "-")
        reason = f"which needs {missing}, which is not installed: pip install {missing}"
        return OptionError(f"{purpose} needs {shown}, {reason}")
    culprit = _failing(error) or shown
    chain = shown if culprit == shown else f"{shown}, which needs {culprit}"
    return OptionError(
        f"{purpose} needs {chain}, which cannot be imported: {printable(str(error), 200)}; "
        f"install the release of {culprit} that belongs to this PyTorch"
    )


def _failing(error: Exception) -> str:
    """Return the package of the innermost frame, except PyTorch and the standard library."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    packages = [str(module).partition(".")[0] for module in modules]
    inside = list(dropwhile(lambda package: package != "importlib", packages))
    others = sys.stdlib_module_names | {"torch", ""}
    return next((p.replace("_", "-") for p in reversed(inside) if p not in others), "")
