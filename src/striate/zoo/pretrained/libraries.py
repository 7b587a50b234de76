"""Other people's libraries, which are imported only when something of theirs is asked for."""

from __future__ import annotations

import importlib
from types import ModuleType

from striate.errors import OptionError, printable

#: module -> the extra of striate that installs it
_EXTRAS = {"torchvision": "torchvision", "timm": "timm"}


def library(name: str, purpose: str) -> ModuleType:
    """The module of that name; `purpose` begins the sentence that tells why it is missed.

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
    except (ImportError, OSError, RuntimeError) as error:  # its binaries are for another PyTorch
        raise _broken(purpose, shown, error) from error


def _broken(purpose: str, shown: str, error: Exception) -> OptionError:
    return OptionError(
        f"{purpose} needs {shown}, which cannot be imported: {printable(str(error), 200)}; "
        f"install the release of {shown} that belongs to this PyTorch"
    )
