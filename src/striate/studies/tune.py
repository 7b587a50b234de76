"""The search for a learning rate and an augmentation of the best network, by Optuna's TPE sampler.

Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from striate.errors import OptionError
from striate.options import CompareOptions, TrainOptions
from striate.options.choices import Augment
from striate.studies.comparison import tuned_name
from striate.studies.judge import Entry
from striate.studies.record import Study
from striate.studies.standing import Events, Standing, train_candidate
from striate.training.events import Note
from striate.training.run import Run

Params = dict[str, Any]  #: option of a training -> value
_AROUND = 10.0  #: factor of the usual learning rate up to which rates are tried, and down to which
_SEEDS = 2**32  #: seeds that the sampler takes


def check_optuna() -> None:
    """Raise OptionError where Optuna is not installed."""
    try:
        importlib.import_module("optuna")
    except ImportError as error:
        raise OptionError(
            "--tune needs Optuna, which cannot be imported: pip install 'striate[tune]'"
        ) from error


def propose(
    trials: Sequence[Mapping[str, Any]], usual: Params, *, seed: int, higher_is_better: bool
) -> Params:
    """Return the values that the next trial takes.

    `trials` are those that have ended, with `params` and `value`: None where one diverged. The
    first trial takes the `usual` values, so that the search is compared with a training that is
    as long. The proposal depends on the arguments alone, so that a search goes on after a kill.
    """
    if not trials:
        return usual
    import optuna  # lazy: an extra

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = _space(usual)
    direction = "maximize" if higher_is_better else "minimize"
    sampler = optuna.samplers.TPESampler(seed=(seed + len(trials)) % _SEEDS)
    search = optuna.create_study(sampler=sampler, direction=direction)
    for trial in trials:
        state = "FAIL" if trial["value"] is None else "COMPLETE"
        ended = optuna.trial.create_trial(
            state=optuna.trial.TrialState[state],
            params=trial["params"],
            distributions=space,
            value=trial["value"],
        )
        search.add_trial(ended)
    found = search.ask(space).params
    if limits := space.get("learning_rate"):  # rounded, so that its name says what it was
        rate = float(f"{found['learning_rate']:.3g}")
        found["learning_rate"] = min(max(rate, limits.low), limits.high)
    return found


def _space(usual: Params) -> dict[str, Any]:
    """Return Optuna's distribution of each option."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    space = dict[str, Any]()
    if rate := usual.get("learning_rate"):
        space["learning_rate"] = FloatDistribution(rate / _AROUND, rate * _AROUND, log=True)
    if "augment" in usual:
        space["augment"] = CategoricalDistribution(get_args(Augment))
    return space


def count_trials(most: int, seconds: float, epoch_seconds: float, epochs: int) -> int:
    """Return how many trials of so many epochs fit into `seconds`, at most `most`."""
    return min(most, int(seconds / (epoch_seconds * epochs)))


class Search:
    """The trials of a network, in the folder and the record of a study.

    `tuned` in the record has the network, the epochs and the number of trials, fixed before the
    first of them, and the trials that have ended.
    """

    def __init__(
        self, study: Study, data: Path, options: CompareOptions, network: str, run: Run
    ) -> None:
        """Take the network, and its run in the comparison."""
        self._study, self._data, self._options = study, data, options
        if "tuned" not in (record := study.read()):
            study.add(tuned=self._plan(network, record["plan"]["epochs"][network][-1], run))
        self._tuned = study.read()["tuned"]

    def _plan(self, network: str, epochs: int, run: Run) -> dict[str, Any]:
        """Return what is searched and how often, by the pace of the run."""
        seconds, last = 60 * (self._options.minutes or 0) / 2, run.epochs()[-1]
        chosen = run.read_options()
        # as the run took: cached features make an epoch much faster than the steps foretold
        count = count_trials(self._options.tune or 0, seconds, last.seconds / last.epoch, epochs)
        return {
            "network": network,
            "epochs": epochs,
            "count": count,
            "higher_is_better": run.figure().higher_is_better,
            "usual": {name: chosen[name] for name in self._options.searched()},
            "trials": [],
        }

    def run(self) -> Events:
        """Train all trials that have not ended."""
        tuned = self._tuned
        if not tuned["count"]:
            yield Note("no trial fits into half the minutes: nothing was tuned")
        while len(tuned["trials"]) < tuned["count"]:
            better = tuned["higher_is_better"]
            params = tuned.get("next") or propose(
                tuned["trials"], tuned["usual"], seed=self._options.seed, higher_is_better=better
            )
            tuned["next"] = params  # recorded, so that a killed run goes on with its options
            self._study.add(tuned=tuned)
            value = yield from self._train(len(tuned["trials"]) + 1, params)
            tuned["trials"].append({"params": params, "value": value})
            del tuned["next"]
            self._study.add(tuned=tuned)

    def entry(self) -> dict[str, Entry]:
        """Return the best trial by its name; nothing where all diverged."""
        found: Standing | None = None
        entry = dict[str, Entry]()
        for number, trial in enumerate(self._tuned["trials"], 1):
            run, params = self._trial(number), trial["params"]
            standing = None
            if trial["value"] is not None:
                standing = Standing.of(run, self._tuned["epochs"])
            if standing and (found is None or standing.beats(found)):
                found = standing
                name = tuned_name(self._tuned["network"], params)
                entry = {name: Entry(run, self._training(params))}
        return entry

    def _training(self, params: Params) -> TrainOptions:
        """Return the options of the training of a trial."""
        options = self._options.training(self._tuned["network"], self._tuned["epochs"])
        given = {name: getattr(options, name) for name in options.model_fields_set}
        return TrainOptions.read({**given, **params})

    def _trial(self, number: int) -> Run:
        return Run(self._study.folder / "runs" / f"trial-{number}")

    def _train(self, number: int, params: Params) -> Generator[Any, None, float | None]:
        """Train one trial and return its figure; None where it diverged."""
        tuned, name = self._tuned, f"trial {number}"
        yield Note(f"{name} of {tuned['count']}: {tuned_name(tuned['network'], params)}")
        outcome = yield from train_candidate(
            self._data, self._trial(number), self._training(params), name
        )
        return outcome.standing.value if outcome.standing and not outcome.diverged else None
