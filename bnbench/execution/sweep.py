"""Plan minus store -> worker -> store: trains what is not there yet, and keeps each trial as it ends."""

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Protocol

from bnbench.config import smoke as smoking
from bnbench.config.load import load_config
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.errors import ResultsError
from bnbench.execution import environment, executors
from bnbench.execution.protocols import Executor, ExecutorFactory
from bnbench.planning import plan as planning
from bnbench.planning import resources
from bnbench.planning.plan import Cohort, Plan, Trial
from bnbench.planning.resources import Jobs
from bnbench.planning.trial import Epoch, Result, Saving
from bnbench.store import results_dir, store


class Watcher(Protocol):
    """Who is told how a sweep goes on."""

    def begin(self, plan: Plan, todo: int, jobs: Jobs) -> None:
        """Called before the first trial."""

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Called now and then with the last epoch of a trial under way."""

    def result(self, trial: Trial, result: Result) -> None:
        """Called when a trial has been kept."""

    def end(self) -> None:
        """Called last, whatever happened."""


def prepare_plan(
    path: Path, overrides: Mapping[str, object], places: DataDirs, smoke: bool = False, download: bool = False
) -> Plan:
    """The plan of an experiment file on the data of this machine.

    Raises:
        ConfigError: the file or an override says something that cannot be done.
        DataError: the data are not here and `download` is False, or they are wrong.
    """
    experiment = load_config(path, overrides)
    if smoke:
        experiment = smoking.cut_to_smoke(experiment)
    return planning.make_plan(
        experiment, cache(lambda settings: access.dataset_info(settings, places, download)), str(path)
    )


def trial_states(plan: Plan, folder: Path) -> dict[str, str]:
    """Trial id -> new, completed, diverged or failed, for every trial of the plan."""
    kept: dict[str, str] = {}
    if store.has_results(folder):
        with store.open_for_reading(folder) as opened:
            kept = opened.states()
    return {trial.id: kept.get(trial.id, "new") for trial in plan.trials}


def step_seconds(folder: Path) -> dict[str, float]:
    """Program -> seconds a step, of what has been trained there."""
    if not store.has_results(folder):
        return {}
    with store.open_for_reading(folder) as opened:
        return opened.step_seconds()


def run_sweep(
    plan: Plan,
    places: DataDirs,
    folder: Path,
    watcher: Watcher,
    finish: Callable[[Path], object],
    jobs: int | None = None,
    start: ExecutorFactory | None = None,
    trial_timeout: float | None = None,
) -> None:
    """Train the trials of the plan that the folder does not hold.

    `finish` is called with the folder while it is still ours, whether all trials ended or an interrupt came.
    An interrupt loses the trials under way and nothing else; running again goes on from there.

    Args:
        jobs: how many workers; None: as many as this machine can have, 0: none, train in this process.
        start: how they are started; None: anew.
        trial_timeout: seconds after which a worker whose trial has not ended is ended; None: when it takes far longer
            than the others of its program.

    Raises:
        ConfigError: Keras refuses a model; nothing is written then.
        ResultsError: the folder cannot be written, or another process has it.
        DataError: the data are missing or wrong.
        WorkerError: a worker cannot be started.
    """
    todo = remaining_cohorts(plan, folder)
    chosen = resources.choose_jobs(todo, jobs)
    watcher.begin(plan, sum(len(cohort.trials) for cohort in todo), chosen)
    try:
        with (start or executors.start_executor)(chosen.count, places) if todo else nullcontext() as started:
            if started:
                started.check([cohort.program for cohort in todo])
            with store.open_for_writing(folder) as opened:
                results_dir.refuse_links(folder)
                if started:
                    todo = remaining_cohorts(plan, folder)  # another run may have ended some while the workers started
                opened.set_plan(plan)
                if started and todo:
                    described = environment.describe_environment(plan, started.devices(), chosen.count)
                    opened.set_environment(json.dumps(described, indent=1) + "\n")
                _write_beside(plan, opened)
                try:
                    if started and todo:
                        _train(todo, plan, started, opened, watcher, trial_timeout)
                except ResultsError:  # where a trial cannot be kept no report can be written
                    raise
                except BaseException:
                    watcher.end()
                    finish(folder)
                    raise
                watcher.end()
                finish(folder)
    finally:
        watcher.end()


def remaining_cohorts(plan: Plan, folder: Path) -> list[Cohort]:
    """The cohorts with the trials that are not done yet; a trial that stands twice is trained once.

    The highest rates come first: those that diverge end at once, and so it is known early how far the rate can go and
    late how much is left, which decides whether one worker more is worth a compilation.
    """
    kept = trial_states(plan, folder)
    ended = {trial for trial, state in kept.items() if state in {"completed", "diverged"}}
    if plan.experiment.save_models != "none":
        done = [trial for trial in ended if kept[trial] == "completed"]
        ended -= results_dir.missing_models(folder, done, plan.experiment.save_models)
    left = []
    for cohort in plan.cohorts:
        trials = tuple(trial for trial in cohort.trials if trial.id not in ended)
        ended |= {trial.id for trial in trials}
        if trials:
            left.append(replace(cohort, trials=tuple(sorted(trials, key=lambda trial: -trial.learning_rate))))
    return left


def _write_beside(plan: Plan, opened: store.Store) -> None:
    """The experiment as it is resolved, and what the last run that trained ran on."""
    results_dir.write_text(opened.folder / results_dir.CONFIG, plan.experiment.to_yaml())
    if described := opened.environment():
        results_dir.write_text(opened.folder / results_dir.ENVIRONMENT, described)


def _train(
    todo: list[Cohort], plan: Plan, started: Executor, opened: store.Store, watcher: Watcher, limit: float | None
) -> None:
    trials = {trial.id: trial for cohort in todo for trial in cohort.trials}
    saving = Saving(opened.folder, plan.experiment.save_models)
    for result in started.run(todo, saving, watcher.epoch, limit):
        opened.add(result)
        watcher.result(trials[result.trial], result)
