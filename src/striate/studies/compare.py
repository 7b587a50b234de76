"""A comparison of networks by successive halving, on the same validation images."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from striate import storage
from striate.distributed import launch
from striate.errors import DivergedError, OptionError
from striate.input_description import from_json
from striate.options import CompareOptions
from striate.progress import Progress
from striate.studies.comparison import Comparison, read_comparison
from striate.studies.foretell import Requirements, foretell
from striate.studies.halving import Plan, make_plan
from striate.studies.judge import Entry, judge_finalists, open_test
from striate.studies.record import Study, fingerprint
from striate.studies.standing import Events, Standing, train_candidate
from striate.studies.tune import Search, check_optuna
from striate.text import format_si
from striate.training.events import Note
from striate.training.pending import LossError
from striate.training.prepare import prepare_data
from striate.training.run import Run
from striate.zoo.spec import NetworkSpec


def compare_steps(
    data: Path, options: CompareOptions
) -> Generator[Progress | Note, None, Comparison]:
    """Compare networks in the folder of a study, or go on where it was killed.

    What depends on the clock is measured once, and recorded as the plan before the first training;
    from there the plan alone decides. Raises DataError, OptionError or StorageError as `train`
    does; OptionError where no network is left or the folder is of another study.
    """
    if launch.process_info().world_size > 1:
        raise OptionError("compare trains in one process; start it without torchrun")
    if options.tune:
        check_optuna()
    for network in options.networks:
        NetworkSpec.of(network)
    folder = options.out or storage.beside(Path("runs", f"{data.resolve().stem}-compare"), data)
    images = yield from _fingerprint(data, options)
    given = {name: value for name, value in options.given().items() if name != "out"}
    study = Study.begin(folder, "compare", images, given)
    with study.lock():
        if "plan" not in study.read():
            yield from _plan(study, data, options)
        race = _Race(study, data, options)
        yield from race.run()
        entries = {name: Entry(race.runs[name], options.training(name)) for name in race.order()}
        if options.tune:
            best, entry = next(iter(entries.items()))
            search = Search(study, data, options, best, entry.run)
            yield from search.run()
            entries |= search.entry()
        if "finalists" not in study.read():
            study.add(**(yield from judge_finalists(entries, data)))
        if "test" not in (record := study.read()):
            winner = record["finalists"][0]["network"]
            test = yield from open_test(entries[winner], data)
            opened = datetime.now(UTC).isoformat(timespec="seconds")
            study.add(test={"network": winner, "opened": opened, "score": test})
    return read_comparison(study)


def _fingerprint(data: Path, options: CompareOptions) -> Generator[Progress, None, str]:
    """Return the fingerprint of the images, as the first network that suits them sees them."""
    refused: OptionError | None = None
    for network in options.networks:
        try:
            return fingerprint((yield from prepare_data(data, options.training(network))).decoded)
        except OptionError as error:
            refused = error
    assert refused, "a comparison has networks"
    raise refused


def _plan(study: Study, data: Path, options: CompareOptions) -> Events:
    """Foretell what each network takes, and record the plan. Raises OptionError without any."""
    told, left_out = dict[str, Requirements](), dict[str, str]()
    for network in options.networks:
        try:
            told[network] = yield from foretell(data, options.training(network))
        except (OptionError, LossError) as error:
            left_out[network] = str(error)
    if not told:
        network, reason = next(iter(left_out.items()))
        raise OptionError(f"no network can be trained here; {network}: {reason}")
    budget = 60 * (options.minutes or 0) / (2 if options.tune else 1)
    plan = make_plan({name: each.epoch_seconds for name, each in told.items()}, budget)
    for name, share in plan.too_slow.items():
        epoch = told[name].epoch_seconds
        left_out[name] = f"an epoch takes about {epoch:.3g} s, but its first share is {share:.3g} s"
    forecasts = [asdict(each) for each in told.values()]
    study.add(forecasts=forecasts, left_out=left_out, plan=asdict(plan))
    for name, each in told.items():
        memory = "" if each.memory is None else f", {format_si(each.memory, 'B')} of memory a step"
        yield Note(f"{name}: about {each.epoch_seconds:.3g} s an epoch{memory}")
    for name, reason in left_out.items():
        yield Note(f"left out: {name}: {reason}")


class _Race:
    """The networks that train, and how they stand."""

    def __init__(self, study: Study, data: Path, options: CompareOptions) -> None:
        self._study, self._data, self._options = study, data, options
        self._plan = from_json(Plan, study.read()["plan"])
        names = list(self._plan.epochs)
        folders = {n: study.folder / "runs" / _folder_name(i, n) for i, n in enumerate(names, 1)}
        self.runs = {name: Run(folder) for name, folder in folders.items()}
        self._standings = dict[str, Standing]()
        self._diverged = dict[str, str]()

    def run(self) -> Events:
        """Train rung after rung, all networks and then the better half of those before."""
        alive, rungs = list(self._plan.epochs), len(next(iter(self._plan.epochs.values())))
        for rung in range(rungs):
            for name in alive:
                yield from self._train(name, self._plan.epochs[name][rung])
            alive = [name for name in self.order(alive) if name not in self._diverged]
            alive = alive[: (len(alive) + 1) // 2]
            if rung + 1 < rungs and alive:
                yield Note(
                    f"rung {rung + 1} of {rungs} is over; trained further: {', '.join(alive)}"
                )
        if not self._standings:
            raise DivergedError(next(iter(self._diverged.values())))
        self._study.add(diverged=self._diverged)

    def order(self, names: list[str] | None = None) -> list[str]:
        """Return the networks from the best to the worst; equal ones as they were given."""
        found = list[str]()
        for name in names or list(self._plan.epochs):
            if (mine := self._standings.get(name)) is None:
                continue
            at = next((i for i, n in enumerate(found) if mine.beats(self._standings[n])), None)
            found.insert(len(found) if at is None else at, name)
        return found

    def _train(self, name: str, epochs: int) -> Events:
        """Train to the end of a rung, of which a network that diverges keeps its best epoch."""
        options = self._options.training(name, epochs)
        outcome = yield from train_candidate(self._data, self.runs[name], options, name)
        if outcome.standing:
            self._standings[name] = outcome.standing
        if outcome.diverged:
            self._diverged[name] = outcome.diverged


def _folder_name(number: int, network: str) -> str:
    """Return a name that is safe in shells and file systems."""
    safe = "".join(c if c.isalnum() or c in "._" else "-" for c in network)
    return f"{number}-{safe.strip('-')[:80]}"
