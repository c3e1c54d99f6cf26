"""Run several experiments, the cheapest first, and write one page about all of them."""

import logging
import math
import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from bnbench.analysis.labels import format_duration
from bnbench.commands.experiment import ExperimentRequest, plan_experiment
from bnbench.commands.experiment_files import choose_experiments, list_experiments
from bnbench.commands.run import make_judge
from bnbench.config.smoke import SUFFIX
from bnbench.data.types import DataDirs
from bnbench.errors import BnbenchError, ConfigError, ResultsError
from bnbench.execution import step_times, sweep
from bnbench.execution.executors import ReusableExecutor, executor_capacity, open_executor
from bnbench.execution.progress import ProgressWatcher
from bnbench.execution.protocols import ExecutorFactory, ExecutorRequest
from bnbench.planning import runtime
from bnbench.planning.plan import Cohort, Plan
from bnbench.planning.step_pairs import estimate_pair_seconds
from bnbench.report import index, write
from bnbench.results import digest
from bnbench.results.many_claims import count_verdicts
from bnbench.store import results_dir

PAGE = "README.md"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReproduceRequest:
    """Which experiments to run, and how."""

    # Names of experiments. If empty, all of them run, but of an experiment with a short form only the short form.
    names: tuple[str, ...]
    # The folder of experiment files, searched at any depth.
    configs: Path
    # The directory that contains the results folders and gets the page.
    results_dir: Path
    data_dirs: DataDirs
    # Cut each experiment to a few seconds. No page is written.
    smoke: bool = False
    # Seconds after which no experiment starts.
    budget: float = math.inf
    # The number of worker processes, as for `bnbench.run`.
    jobs: int | None = None


@dataclass(frozen=True)
class PlannedExperiment:
    """An experiment to run, with the trials that are missing."""

    name: str
    plan: Plan
    folder: Path
    todo: list[Cohort]
    # Estimated seconds for the missing trials. None if nothing is known about their speed.
    seconds: float | None
    # Where its data are.
    data_dirs: DataDirs = field(default_factory=DataDirs.from_environment)
    # The number of pairs of variants whose steps have not been timed.
    untimed: int = 0
    # Whether its trials have been trained with `--portable`.
    portable: bool = False

    def __str__(self) -> str:
        return self.name if self.seconds is None else f"{self.name} (about {format_duration(self.seconds)})"

    @property
    def completed(self) -> bool:
        """Whether all trials have ended, and the report was written for this version of the experiment file.

        The steps of pairs of variants have been timed, too.
        """
        config = self.folder / results_dir.CONFIG
        if self.todo or self.untimed or not (self.folder / results_dir.RUN).exists() or not config.exists():
            return False
        return config.read_bytes() == self.plan.experiment.to_yaml().encode()


@dataclass(frozen=True)
class ReproduceOutcome:
    """The experiments that are not complete after `reproduce_experiments`."""

    # Name -> reason.
    failed: dict[str, str] = field(default_factory=dict)
    # Not started, because the budget was too small.
    left: list[PlannedExperiment] = field(default_factory=list)


def reproduce_experiments(
    request: ReproduceRequest, make_watcher: Callable[[], ProgressWatcher], report_line: Callable[[str], object]
) -> ReproduceOutcome:
    """Run experiments in the order of their cost. An experiment that fails does not stop the others.

    The page `README.md` about all results is written at the start, after each experiment and on an interrupt.

    Args:
        request: which experiments to run, and how.
        make_watcher: makes the progress display of one experiment.
        report_line: is called with a line of text when an experiment has ended or is skipped.

    Raises:
        ConfigError: a name is unknown, or there are no experiments.
        ResultsError: the page cannot be written, or a results folder on it cannot be read.
        KeyboardInterrupt: after storing the trials that had finished.
    """
    known = list_experiments(request.configs)
    wanted = choose_experiments(known, request.names, request.smoke)
    planned, failed = _plan_experiments(known, wanted, request)
    end = time.monotonic() + request.budget
    waiting = deque(_sort_by_cost([planned[name] for name in wanted if name in planned], report_line))
    if request.smoke:
        request = replace(request, jobs=_common_worker_count(waiting, request))
    _write_page(known, planned, request)
    with ReusableExecutor() if request.smoke else nullcontext(open_executor) as start:
        while waiting and time.monotonic() + (waiting[0].seconds or 0) < end:
            experiment = waiting.popleft()
            try:
                _note_if_failed(failed, experiment.name, _run_experiment(experiment, request, make_watcher(), start))
            finally:
                _write_page(known, planned, request)
            if experiment.name not in failed:
                report_line(_summarize(experiment))
    return ReproduceOutcome(failed, list(waiting))


def _plan_experiments(
    known: Mapping[str, Path], wanted: list[str], request: ReproduceRequest
) -> tuple[dict[str, PlannedExperiment], dict[str, str]]:
    """Return the planned experiments by name, and by name the reason why a wanted experiment could not be planned.

    Without names, the page lists the cost of every known experiment, so all of them are planned.
    """
    planned: dict[str, PlannedExperiment] = {}
    failed: dict[str, str] = {}
    for name in wanted if request.names or request.smoke else known:
        try:
            planned[name] = _plan_named(name, known[name], request, download=name in wanted)
        except BnbenchError as error:
            if name in wanted:
                _note_if_failed(failed, name, str(error))
    return planned, failed


def _plan_named(name: str, path: Path, request: ReproduceRequest, download: bool) -> PlannedExperiment:
    experiment = ExperimentRequest(path, {}, request.data_dirs, request.results_dir, request.smoke)
    plan, folder = plan_experiment(experiment, download)
    own_name = plan.experiment.name.removesuffix(SUFFIX) if request.smoke else plan.experiment.name
    if own_name != name:
        where = replace(plan.cohorts[0].program.where, steps=("name",))
        raise ConfigError(where, f"{own_name!r} is not the name of the file: change it to {name!r}")
    todo = sweep.cohorts_to_train(plan, folder)
    count = executor_capacity(ExecutorRequest(request.data_dirs, todo, request.jobs)).count
    seconds = runtime.estimate_seconds(todo, sweep.step_seconds(folder), count)
    untimed = () if request.smoke else step_times.untimed_pairs(plan, folder)
    if seconds is not None:
        seconds += estimate_pair_seconds(untimed)
    # Experiments with built-in data share their workers, which need the same places.
    has_own = any(cohort.program.data.path for cohort in plan.cohorts)
    places = experiment.places if has_own else request.data_dirs
    return PlannedExperiment(name, plan, folder, todo, seconds, places, len(untimed), sweep.recorded_portable(folder))


def _sort_by_cost(planned: list[PlannedExperiment], report_line: Callable[[str], object]) -> list[PlannedExperiment]:
    """Return the incomplete experiments, cheapest first; experiments of unknown cost come last."""
    for experiment in planned:
        if experiment.completed:
            report_line(f"{experiment.name}: already complete, skipped")
    waiting = [experiment for experiment in planned if not experiment.completed]
    return sorted(waiting, key=lambda experiment: (experiment.seconds is None, experiment.seconds or 0))


def _common_worker_count(waiting: Iterable[PlannedExperiment], request: ReproduceRequest) -> int:
    """Return one number of workers for all experiments, so that the same workers can run all of them."""
    cohorts = [cohort for experiment in waiting for cohort in experiment.todo]
    return executor_capacity(ExecutorRequest(request.data_dirs, cohorts, request.jobs)).count


def _run_experiment(
    experiment: PlannedExperiment, request: ReproduceRequest, watcher: ProgressWatcher, open_executor: ExecutorFactory
) -> str:
    """Train the missing trials and write the report. Return the reason of a failure, or an empty text."""
    options = sweep.SweepOptions(
        experiment.folder,
        experiment.data_dirs,
        write.write_report,
        watcher,
        request.jobs,
        time_steps=not request.smoke,
        open_executor=open_executor,
        portable=experiment.portable,
        make_judge=make_judge,
    )
    try:
        sweep.run_sweep(experiment.plan, options)
    except BnbenchError as error:
        return str(error)
    except Exception as error:
        # A bug of bnbench in one experiment must not stop the others, which may run all night.
        log.error(traceback.format_exc())
        return f"{type(error).__name__}: {error}"
    results = digest.read_digest(experiment.folder)
    return f"{results.failed} trial(s) failed; the same command tries them again" if results and results.failed else ""


def _note_if_failed(failed: dict[str, str], name: str, reason: str) -> None:
    """Store and log the reason why an experiment failed; an empty reason means success."""
    if reason:
        failed[name] = reason
        log.error("%s: %s", name, reason)


def _summarize(experiment: PlannedExperiment) -> str:
    results = digest.read_digest(experiment.folder)
    verdicts = count_verdicts(results.claims) if results else ""
    trials = f"{experiment.name}: {len(experiment.plan.trials)} trials"
    parts = (trials, verdicts, str(experiment.folder / results_dir.REPORT))
    return ", ".join(filter(None, parts))


def _write_page(known: Mapping[str, Path], planned: Mapping[str, PlannedExperiment], request: ReproduceRequest) -> None:
    """Write the page about all results of known experiments. Smoke runs have no page.

    Raises:
        ResultsError: a file with the name of the page was not written by bnbench, or results cannot be read.
    """
    if request.smoke:
        return
    page = request.results_dir / PAGE
    if page.exists() and not page.read_text(encoding="utf-8", errors="replace").startswith(index.MARK):
        raise ResultsError(
            f"{page}: not written by `bnbench reproduce`: move the file, or choose another --results-dir"
        )
    request.results_dir.mkdir(parents=True, exist_ok=True)
    with results_dir.lock_files(request.results_dir):
        entries = [_page_entry(name, path, request.results_dir, planned.get(name)) for name, path in known.items()]
        results_dir.write_text(page, index.render_index(entries))


def _page_entry(name: str, config: Path, page_folder: Path, planned: PlannedExperiment | None) -> index.Entry:
    link = quote(Path(os.path.relpath(config, page_folder)).as_posix())
    return index.Entry(name, link, digest.read_digest(page_folder / name), planned.seconds if planned else None)
