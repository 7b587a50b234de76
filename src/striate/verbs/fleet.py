"""API function that predicts images on a cluster, with Ray Data, into a folder of Parquet parts."""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import striate
from striate import errors
from striate.data.shards.remote import remote_address
from striate.errors import OptionError, StriateError, printable
from striate.options import PredictOptions
from striate.prediction.cluster import connected, import_ray
from striate.prediction.inputs import given_paths
from striate.prediction.parquet import count_failed, read_types, retype, to_parquet, unify_types
from striate.prediction.part_folder import About, PartFolder, listed, named
from striate.prediction.parts import count, read_part, split_parts, write_part
from striate.prediction.predictor import Predictor
from striate.prediction.table import as_json_line
from striate.prediction.tables import Columns, find_tables, is_table
from striate.prediction.unfinished import Mark
from striate.progress import Pace
from striate.verbs.answering import files_of, made_by, make_predictor

#: options that a worker has no use for
_OF_DRIVER = {"on", "workers", "out", "overwrite", "image_column", "name_column"}
#: options that name files here, which workers may not see
_LOCAL = ("gallery", "network")


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker is told before its first part."""

    model: Sequence[Any]  #: a reference to the bytes of its file, in Ray's store
    name: str  #: of that file
    options: dict[str, Any]
    folder: str  #: of the parts
    version: str


class Answering:
    """Answers the images of parts, in a process of a cluster; the model is loaded once."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._predictor: Predictor | None = None

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[Any]]:
        """Answer the part that a row names: how many images it has, and how many failed.

        An error of ours is returned as its kind and its sentence, as it is to stop all.
        """
        (part,) = map(int, rows["part"])
        images, failed, types, stopped = 0, 0, b"", ["", ""]
        try:
            images, failed, types = self.answer(part)
        except StriateError as error:
            stopped = [type(error).__name__, str(error)]
        found = {"part": part, "images": images, "failed": failed, "types": types}
        return {name: [value] for name, value in {**found, "stopped": stopped}.items()}

    def answer(self, part: int) -> tuple[int, int, bytes]:
        """Write a part; return its images, how many of them failed, and its types."""
        if self._predictor is None:
            self._predictor = self._load()
        folder = PartFolder(self._told.folder)
        lines, failed = list[str](), 0
        for prediction in self._predictor.answer(read_part(folder.read(listed(part)))):
            lines.append(as_json_line(prediction))
            failed += bool(prediction.error)
        content = to_parquet(lines)
        folder.write(named(part), content)
        return len(lines), failed, read_types(content)

    def _load(self) -> Predictor:
        if self._told.version != striate.__version__:
            raise OptionError(
                f"a worker has striate {striate.__version__}, and this is {self._told.version}; "
                "install the same version on all machines"
            )
        ray: Any = importlib.import_module("ray")
        with tempfile.TemporaryDirectory() as home:
            file = Path(home, self._told.name)
            file.write_bytes(ray.get(self._told.model[0]))
            made = make_predictor(file, PredictOptions.read(self._told.options), threads=1)
        return replace(made, threads=1)


def predict_on_fleet(
    model: str | Path, data: Sequence[Any], chosen: PredictOptions
) -> Generator[Pace, None, Mark]:
    """Predict images on a cluster into the folder `out`; yield the pace, return what is there.

    After a kill the same call goes on. Raises as `predict_to_file`, and OptionError without Ray
    or a cluster.
    """
    ray = import_ray()
    assert chosen.out is not None
    _check(data, chosen)
    place = remote_address(chosen.out) or str(chosen.out.absolute())
    folder = PartFolder(place)
    by = {**made_by(model, chosen), "data": " ".join(map(_named, data))}
    about = folder.begin(by, overwrite=chosen.overwrite)
    given = None if about.parts else _given(model, data, chosen)
    file = next(files_of(model))
    content = file.read_bytes()
    with connected(ray, chosen.workers, len(content)) as workers:
        if given is not None:
            about = yield from _list(folder, about, given, chosen.batch)
        options = chosen.model_dump(mode="json", exclude=_OF_DRIVER) | {"device": "cpu"}
        told = Told([ray.put(content)], file.name, options, place, striate.__version__)
        pool = {"size": workers} if chosen.workers else {"min_size": 1, "max_size": workers}
        failed = yield from _answer(ray, folder, about, told, pool)
    folder.finish(about, failed)
    return Mark(about.images, failed)


def _check(data: Iterable[Any], chosen: PredictOptions) -> None:
    """Raise OptionError for what a cluster cannot do."""
    for name in _LOCAL:
        if getattr(chosen, name) is not None:
            raise OptionError(f"{name} is a file here, which a cluster is not sent; leave on out")
    if chosen.device not in ("auto", "cpu"):
        raise OptionError(f"a cluster computes on cores, but device {chosen.device} was asked for")
    assert chosen.out is not None
    for path in given_paths(data):
        if path.is_dir() and chosen.out.resolve().is_relative_to(path.resolve()):
            shown = printable(str(chosen.out))
            raise OptionError(f"{shown} would lie among the images of {printable(str(path))}")


def _named(given: Any) -> str:
    return str(given) if isinstance(given, str | os.PathLike) else "-"


def _given(model: str | Path, data: Iterable[Any], chosen: PredictOptions) -> Iterator[Any]:
    """Return the images and tables of the data. Raises as `predict`."""
    predictor = make_predictor(model, chosen)
    if predictor.model.preprocess.inputs != "image":
        raise OptionError("a cluster predicts images, and this is a model of others; leave on out")
    columns = Columns(chosen.image_column, chosen.name_column)
    found = [
        find_tables(each, columns) if is_table(each) else predictor.sources([each]) for each in data
    ]
    return chain.from_iterable(found)


def _list(
    folder: PartFolder, about: About, given: Iterable[Any], batch: int
) -> Generator[Pace, None, About]:
    """Write where the images of each part are."""
    folder.keep(about)
    images, number = 0, -1
    for number, part in enumerate(split_parts(given, batch)):
        folder.write(listed(number), write_part(part))
        images += count(part)
        yield Pace(images, None, "images listed", 0)
    about = replace(about, parts=number + 1, images=images)
    folder.keep(about)
    return about


def _answer(
    ray: Any, folder: PartFolder, about: About, told: Told, pool: dict[str, int]
) -> Generator[Pace, None, int]:
    """Have the parts answered that are not there; return how many images failed."""
    assert about.parts is not None
    types, done, failed = dict[int, bytes](), 0, 0
    names = folder.names()
    for part in range(about.parts):
        if named(part) in names:
            content = folder.read(named(part))
            types[part] = read_types(content)
            images, without = count_failed(content)
            done, failed = done + images, failed + without
    first, begun = done, time.monotonic()
    yield Pace(done, about.images, "images", 0)
    for row in _rows(ray, [part for part in range(about.parts) if part not in types], told, pool):
        kind, sentence = row["stopped"]
        if kind:
            raise getattr(errors, kind)(sentence)
        types[row["part"]] = row["types"]
        done, failed = done + row["images"], failed + row["failed"]
        yield Pace(done, about.images, "images", (done - first) / (time.monotonic() - begun))
    _agree(folder, [types[part] for part in range(about.parts)])
    return failed


def _rows(
    ray: Any, parts: Sequence[int], told: Told, pool: dict[str, int]
) -> Iterator[dict[str, Any]]:
    if not parts:
        return iter(())
    asked = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
    strategy = ray.data.ActorPoolStrategy(**pool)
    answered = asked.map_batches(
        Answering, batch_size=1, compute=strategy, num_cpus=1, fn_constructor_args=(told,)
    )
    return answered.iter_rows()


def _agree(folder: PartFolder, types: Sequence[bytes]) -> None:
    """Write those parts again whose types differ from those that hold the values of all.

    A part has others where all its images failed, or none has a box.
    """
    wanted = unify_types(dict.fromkeys(types))
    for part, found in enumerate(types):
        if found != wanted:
            folder.write(named(part), retype(folder.read(named(part)), wanted))
