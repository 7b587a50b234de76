"""NetworkSpec: a network's name and arguments, from the `--network` option to the model file."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from torch import nn

from striate import zoo
from striate.errors import OptionError, printable
from striate.zoo import user_code, user_network
from striate.zoo.pages.card import Card
from striate.zoo.spelling import parsed, parsed_own, spelled

_OBJECT = "object:"  #: prefix in model files for networks passed as Python objects


@dataclass(frozen=True)
class NetworkSpec:
    """A network given by name and arguments, or by user code that builds it."""

    source: Literal["zoo", "timm", "file", "object"]
    name: str  #: network name; timm's are prefixed "timm:"
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    file: str = ""  #: Python file that defines it, as given
    sha256: str = ""  #: of the file
    made: Any = field(default=None, compare=False)  #: class, function or module; None: not loaded

    @classmethod
    def of(cls, given: object) -> NetworkSpec:
        """Create from a name, "mynet.py:Net", a module, or a callable that returns one.

        Arguments may follow a name. A file is executed as an import would. Raises OptionError.
        """
        if isinstance(given, NetworkSpec):
            return given
        if not isinstance(given, str):
            return cls("object", user_network.name_of(given), made=user_network.maker(given))
        if given.endswith(".py"):
            shown = printable(given)
            raise OptionError(f"{shown}: which network of the file? Name it, as in {shown}:Net")
        if ".py:" in given:
            spec = _in_file(given)
            code = user_code.code_of(Path(spec.file))
            found = user_code.defined(Path(spec.file), code, spec.name)
            made, digest = user_network.maker(found, str(spec)), hashlib.sha256(code).hexdigest()
            return replace(spec, sha256=digest, made=made)
        return _known(given)

    @classmethod
    def recorded(cls, network: str, sha256: str | None) -> NetworkSpec:
        """Create from the output of `record`; the file it names is neither read nor executed."""
        if network.startswith(_OBJECT):
            return cls("object", network.removeprefix(_OBJECT))
        if sha256 is not None or ".py:" in network:
            spec = _in_file(network)
            return cls("file", spec.name, spec.arguments, spec.file, sha256 or "")
        return _known(network)

    def record(self) -> dict[str, str]:
        """Return the model file's entry: name and SHA-256, without code or folder."""
        if self.source == "object":
            return {"network": f"{_OBJECT}{self.name}"}
        return {"network": str(self)} | ({"network_sha256": self.sha256} if self.file else {})

    def __str__(self) -> str:
        plain = spelled(self.name, self.arguments)
        return f"{Path(self.file).name}:{plain}" if self.file else plain

    def __repr__(self) -> str:
        return f"NetworkSpec({str(self)!r})"

    @property
    def option(self) -> str:
        """The `--network` value; for a Python object, with FILE.py as a placeholder."""
        if self.source == "object":
            return f"FILE.py:{self.name}"
        return f"{self.file}:{spelled(self.name, self.arguments)}" if self.file else str(self)

    @property
    def ours(self) -> bool:
        """Whether striate can build it by name: a zoo or timm network."""
        return self.source in ("zoo", "timm")

    @property
    def card(self) -> Card:
        """The network's card, available before it is built."""
        return zoo.card(self.name) if self.ours else user_network.card(self.name)

    def build(
        self,
        *,
        channels: int | None = None,
        classes: int | None = None,
        size: int | None = None,
        weights: str | None = None,
    ) -> nn.Module:
        """Build the network with weights from torch's global generator, or copy the given module.

        `weights` are those of `zoo.build`, for a network that it builds.

        Sizes are passed if the builder takes them; its defaults apply otherwise. Raises
        OptionError.
        """
        sizes = {"channels": channels, "classes": classes, "size": size}
        if not self.ours:
            with user_code.beside(Path(self.file)):
                return user_network.build(self.made, self.arguments, sizes, str(self))
        given = {word: number for word, number in sizes.items() if number is not None}
        if not self.card.needs_size:
            given.pop("size", None)
        if self.card.output == "image":
            given.pop("classes", None)
        for word in given.keys() & self.arguments.keys():
            raise OptionError(f"{self.name}: {word} was given twice")
        return zoo.build(self.name, weights=weights, **given, **self.arguments)

    def explained(self, what: str = "fails") -> AbstractContextManager[None]:
        """Translate exceptions of a user network into OptionError with file and line."""
        return nullcontext() if self.ours else user_code.told(f"{self} {what}")

    def completed(self, given: object, where: str) -> Any:
        """Return an argument for `of` that recreates this recorded network.

        User networks need their code. Raises OptionError, prefixed with `where`, if it is missing
        or differs.
        """
        if isinstance(given, NetworkSpec):
            return given
        if self.ours:
            if given is not None:
                raise OptionError(f"{where}: the network is {self} itself; leave network out")
            return self
        if given is None or (isinstance(given, str) and ".py:" not in given):
            raise OptionError(f"{where}: {self._missing()}")
        if isinstance(given, str) and self.file:
            return self._same_file(_in_file(given), where)
        if self.arguments and callable(given) and not isinstance(given, nn.Module):
            return functools.partial(given, **self.arguments)
        return given

    def _missing(self) -> str:
        if self.source == "object":
            return (
                f"the network is {self.name}, a module that was given in Python; give it again, as "
                f"in network={self.name}(...), or a file, as in --network mynet.py:{self.name}"
            )
        return (
            f"the network is {self}, which is not striate's, and no code is run unasked; give the "
            f"file (SHA-256 {self.sha256}), as in --network {Path(self.file).name}:{self.name}"
        )

    def _same_file(self, given: NetworkSpec, where: str) -> str:
        """Return the given file with the recorded arguments. Raises OptionError if it differs."""
        digest = hashlib.sha256(user_code.code_of(Path(given.file))).hexdigest()
        if digest != self.sha256:
            raise OptionError(
                f"{where}: {printable(given.file)} is not the file that the network was trained "
                f"with: its SHA-256 is {digest}, not {self.sha256}"
            )
        if given.name != self.name or given.arguments not in ({}, self.arguments):
            raise OptionError(f"{where}: the network is {self}, but {given} came")
        return f"{given.file}:{spelled(self.name, self.arguments)}"


def _known(text: str) -> NetworkSpec:
    """Parse "mobilenet_v1(width=0.5)" or "timm:resnet18"."""
    zoo.card(text)  # raises if unknown
    name, arguments = parsed(text)
    return NetworkSpec("timm" if name.startswith("timm:") else "zoo", name, arguments)


def _in_file(text: str) -> NetworkSpec:
    """Parse "folder/mynet.py:Net(width=32)" without reading the file."""
    path, _, rest = text.partition(".py:")
    name, arguments = parsed_own(rest)
    return NetworkSpec("file", name, arguments, f"{path}.py")
