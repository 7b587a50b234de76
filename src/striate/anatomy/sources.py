"""Networks by what they are called: a name of the zoo, or a class in the user's own file."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from striate import zoo
from striate.errors import OptionError, StriateError, printable, unknown


def find(
    source: str, *, size: int | None = None, channels: int | None = None, classes: int | None = None
) -> tuple[nn.Module, tuple[int, ...]]:
    """A network, and the shape (C, H, W) of its picture.

    What is not given is the paper's, or of a network in a file 3 channels of 224x224. Raises
    OptionError.
    """
    sizes = {"channels": channels, "classes": classes, "size": size}
    if ".py:" in source:
        return _own(source, sizes), (channels or 3, size or 224, size or 224)
    card = zoo.card(source)
    shape = card.input
    if card.takes == "picture":
        shape = (channels or shape[0], size or shape[1], size or shape[2])
    if not card.sized:
        del sizes["size"]
    given: dict[str, Any] = {word: number for word, number in sizes.items() if number is not None}
    return zoo.build(source, **given), shape


def _own(source: str, sizes: Mapping[str, int | None]) -> nn.Module:
    """What "file.py:Name" stands for: a class of modules, a function that returns one, a module.

    Sizes are passed on where it takes them. The file is run as Python would import it, with its
    folder on the path.
    """
    path, _, name = source.rpartition(":")
    module = _imported(Path(path))
    made = getattr(module, name, None)
    if made is None:
        if not (candidates := _candidates(module)):
            raise OptionError(f"{printable(path)}: defines no module of torch")
        raise unknown(f"network in {printable(path)}", name, candidates)
    if isinstance(made, nn.Module):
        return made
    if not callable(made):
        raise OptionError(f"{source}: expected a module, a class or a function, but it is {made!r}")
    try:
        known = inspect.signature(made).parameters
        network = made(**{word: n for word, n in sizes.items() if n is not None and word in known})
    except StriateError:
        raise
    except Exception as error:
        hint = "; name a function without arguments that returns it"
        raise OptionError(
            f"{source}: cannot be made: {_told(error)}{hint * isinstance(error, TypeError)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise OptionError(
            f"{source}: expected a module of torch, but {type(network).__name__} came"
        )
    return network


def _imported(path: Path) -> ModuleType:
    shown = printable(str(path))
    if not path.is_file():
        raise OptionError(f"{shown}: no such file")
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise OptionError(f"{shown}: expected a Python file, as in mynet.py:Net")
    module = module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise OptionError(f"{shown}: cannot be run: {_told(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _candidates(module: ModuleType) -> list[str]:
    """The names of the file's own classes of modules, and of modules."""

    def fits(value: Any) -> bool:
        own = inspect.isclass(value) and value.__module__ == module.__name__
        return isinstance(value, nn.Module) or (own and issubclass(value, nn.Module))

    return [name for name, value in vars(module).items() if fits(value)]


def _told(error: Exception) -> str:
    text = printable(str(error).splitlines()[0] if str(error) else "", 200)
    return f"{type(error).__name__}: {text}".removesuffix(": ")
