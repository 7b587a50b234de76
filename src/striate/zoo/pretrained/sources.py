"""Published state dicts: from a pip package, torchvision, timm or a file."""

from __future__ import annotations

import errno
import io
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from striate.errors import ModelError, OptionError, StorageError, printable
from striate.zoo.pretrained.counterparts import COUNTERPARTS, Counterpart
from striate.zoo.pretrained.libraries import import_library
from striate.zoo.pretrained.timm_models import PREFIX, head_naming

_ORDER = ("torchvision", "package", "timm")
#: keys under which training checkpoints commonly nest the state dict
_NESTS = ("state_dict", "model_state_dict", "model", "network", "net", "weights")
_WRAPPED = ("module.", "model.", "network.", "net.")  #: wrapper prefixes of every name
_INSIDE = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")  #: anywhere
_DISK = {errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT, errno.EIO}


def find_counterpart(name: str, source: str) -> Counterpart:
    """Return the source's equivalent of a network. Raises OptionError if there is none."""
    if source not in COUNTERPARTS:
        known = ", ".join(repr(name) for name in sorted(COUNTERPARTS))
        raise OptionError(f"no weights come from {printable(repr(source), 200)}; there are {known}")
    if name.startswith(PREFIX) and source == "timm":
        return Counterpart(name.removeprefix(PREFIX), head_naming(name))
    if name in COUNTERPARTS[source]:
        return COUNTERPARTS[source][name]
    others = " and ".join(_sources(name))
    hint = f", but from {others}" if others else "; give the path of a file"
    raise OptionError(f"there are no weights for {name} from {source}{hint}")


def known_counterparts(name: str) -> list[Counterpart]:
    """Return every equivalent network of other libraries."""
    return [find_counterpart(name, source) for source in _sources(name)]


def first(name: str) -> str:
    """Return the default source of a network's weights. Raises OptionError if there is none."""
    found = _sources(name)
    if not found:
        raise OptionError(f"nobody publishes weights for {name}; give the path of a file")
    return min(found, key=_ORDER.index)


def path_of(weights: object) -> Path:
    """Convert to a path. Raises OptionError for anything but str or Path."""
    if isinstance(weights, str | Path):
        return Path(weights)
    known = ", ".join(map(repr, sorted(COUNTERPARTS)))
    raise OptionError(
        f"weights must be True, {known} or the path of a file, but {type(weights).__name__} came"
    )


def read_published(name: str, source: str) -> dict[str, Tensor]:
    """Return the weights of a network under the source's tensor names.

    Downloads them into that library's cache if missing, with a progress bar. Raises OptionError
    without the library or an internet connection, StorageError when they cannot be stored.
    """
    peer, purpose = find_counterpart(name, source).name, f"weights={source!r}"
    if source == "package":
        module = import_library(peer, purpose)
        words = peer.removesuffix("_pytorch_model").split("_")
        place = getattr(module, "".join(map(str.capitalize, words)) + "ModelFile")
        return read_state_dict(Path(place.get_model_file_path()))
    if source == "timm":
        timm = import_library("timm", purpose)
        if not timm.models.is_model_pretrained(peer):
            raise OptionError(f"timm publishes no weights for {peer}")
        network = _downloaded(name, source, lambda: timm.create_model(peer, pretrained=True))
        return dict(network.state_dict())
    url = import_library("torchvision.models", purpose).get_model_weights(peer).DEFAULT.url

    def fetch() -> Any:
        return torch.hub.load_state_dict_from_url(
            url, map_location="cpu", progress=True, check_hash=True, weights_only=True
        )

    return _downloaded(name, source, fetch)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, or of a state dict written by torch.save.

    The latter is loaded with `weights_only=True`: no code is executed. Raises OptionError when the
    file does not exist, StorageError when it cannot be read, ModelError for any other content.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        with path.open("rb") if regular else io.BytesIO() as file:  # opening a pipe would block
            start = file.read(9)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        known = ", ".join(sorted(COUNTERPARTS))
        raise OptionError(
            f"{printable(str(path))}: no such file; weights are {known}, or the path of a file"
        ) from error
    except OSError as error:
        raise StorageError(
            f"{printable(str(path))}: {(error.strerror or 'unreadable').lower()}"
        ) from error
    if not regular:
        raise _refused(path, "not a regular file")
    try:
        if start[8:] == b"{":
            return _unwrapped(safetensors.torch.load_file(path))
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both may raise anything on a malformed file
        wanted = "neither a whole safetensors file nor a state dict of tensors alone"
        raise _refused(path, f"{wanted}, as torch.save writes it") from error
    return _state_dict(path, found)


def _state_dict(path: Path, found: object) -> dict[str, Tensor]:
    """Return the tensors under the network's own names, without nesting and wrapper prefixes."""
    while isinstance(found, Mapping) and (nest := _nest(found)):
        found = found[nest]
    if not isinstance(found, Mapping):
        raise _refused(path, f"expected names with tensors, but {_kind(found)} came")
    state: dict[str, Tensor] = {}
    for name, value in found.items():
        if not isinstance(name, str) or not _is_plain(value):
            what = f"{name!r} is {_kind(value)}"
            raise _refused(
                path, f"expected names with tensors, but {what}; save those by themselves"
            )
        state[name] = value
    return _unwrapped(state)


def _nest(found: Mapping[Any, Any]) -> str | None:
    return next((name for name in _NESTS if isinstance(found.get(name), Mapping)), None)


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in _INSIDE:
        state = {name.replace(wrapper, ""): tensor for name, tensor in state.items()}
    averaged = {name: state[name] for name in state if name != "n_averaged"}  # AveragedModel's own
    for prefix in _WRAPPED:
        if averaged and all(name.startswith(prefix) for name in averaged):
            return _unwrapped({name.removeprefix(prefix): x for name, x in averaged.items()})
    return state


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized


def _kind(value: object) -> str:
    return (
        f"{'a sparse or quantized ' if isinstance(value, Tensor) else 'a '}{type(value).__name__}"
    )


def _sources(name: str) -> list[str]:
    if name.startswith(PREFIX):
        return ["timm"]
    return [source for source in sorted(COUNTERPARTS) if name in COUNTERPARTS[source]]


def _downloaded(name: str, source: str, fetch: Callable[[], Any]) -> Any:
    what = f"the weights of {name} from {source}"
    try:
        return fetch()
    except Exception as error:  # may come from any dependency
        reason = printable(str(error).partition("\n")[0], 200)
        if isinstance(error, OSError) and error.errno in _DISK:
            raise StorageError(f"{what} could not be kept: {reason}") from error
        raise OptionError(
            f"{what} could not be downloaded: {reason}; connect to the network, or give the path "
            f"of a file that holds them"
        ) from error


def _refused(path: Path, reason: str) -> ModelError:
    return ModelError(f"{printable(str(path))}: weights refused: {printable(reason, 300)}")
