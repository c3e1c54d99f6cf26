"""Several experiments, the cheapest first, and one page of what all of them found."""

import logging
import math
import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from bnbench.analysis.labels import format_duration
from bnbench.config import smoke
from bnbench.data.types import DataDirs
from bnbench.errors import BnbenchError, ConfigError, ResultsError, not_one_of
from bnbench.execution import sweep
from bnbench.execution.executors import ReusableExecutor, executor_capacity, open_executor
from bnbench.execution.progress import ProgressWatcher
from bnbench.execution.protocols import ExecutorFactory, ExecutorRequest
from bnbench.planning import runtime
from bnbench.planning.plan import Cohort, Plan
from bnbench.report import index, write
from bnbench.results import digest
from bnbench.store import results_dir

SHORT = "-short"  # ends the name of a form of an experiment of hours that only leaves out
PAGE = "README.md"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReproduceRequest:
    """What `reproduce` is asked for, beside names."""

    configs: Path  # the folder of experiment files, searched to any depth
    results: Path
    places: DataDirs
    smoke: bool = False  # cut each experiment to seconds; no page is written
    budget: float = math.inf  # seconds in which experiments may begin
    jobs: int | None = None  # as for `sweep.run`


@dataclass(frozen=True)
class Job:
    """An experiment that is to be run, as far as it has not been."""

    name: str
    plan: Plan
    folder: Path
    todo: list[Cohort]
    seconds: float | None  # about how long that takes; None: not known

    def __str__(self) -> str:
        return self.name if self.seconds is None else f"{self.name} (about {format_duration(self.seconds)})"

    @property
    def done(self) -> bool:
        """Whether all trials have ended and the report is of this very file."""
        config = self.folder / results_dir.CONFIG
        if self.todo or not (self.folder / results_dir.RUN).exists() or not config.exists():
            return False
        return config.read_bytes() == self.plan.experiment.to_yaml().encode()


@dataclass(frozen=True)
class ReproduceOutcome:
    """What is not there after `reproduce`."""

    failed: dict[str, str] = field(default_factory=dict)  # name -> why
    left: list[Job] = field(default_factory=list)  # for want of time


def list_experiments(configs: Path) -> dict[str, Path]:
    """The experiment files in a folder and below it, by name: first those of the folder itself.

    Raises:
        ConfigError: there are none, or two of one name, whose results would lie in one folder.
    """
    known: dict[str, Path] = {}
    for path in sorted(configs.rglob("*.yaml"), key=lambda path: (path.parent, path.stem)):
        if path.stem in known:
            raise ConfigError(str(path), f"of the same name as {known[path.stem]}, which is a folder of results")
        known[path.stem] = path
    if not known:
        raise ConfigError(str(configs), "no experiment files (*.yaml) here" if configs.is_dir() else "no such folder")
    return known


def choose_experiments(known: Mapping[str, Path], names: Sequence[str], full: bool = False) -> list[str]:
    """The names themselves, each once; without any all that are known, but of an experiment with a short form only one.

    That is the short form, or with `full` the other.

    Raises:
        ConfigError: an unknown name.
    """
    for name in names:
        if name not in known:
            raise ConfigError("reproduce", not_one_of(name, known))
    if names:
        return list(dict.fromkeys(names))
    if full:
        return [name for name in known if name.removesuffix(SHORT) == name or name.removesuffix(SHORT) not in known]
    return [name for name in known if f"{name}{SHORT}" not in known]


def reproduce(
    names: Sequence[str], asked: ReproduceRequest, watch: Callable[[], ProgressWatcher], tell: Callable[[str], object]
) -> ReproduceOutcome:
    """Run experiments in the order of their cost; one that fails does not stop the others.

    The page `README.md` of all results is written at the start, after each experiment and on an interrupt.

    Args:
        names: of experiments; none: all, short forms before full ones.
        watch: makes who is told how one experiment goes on.
        tell: is given a line when an experiment has ended.

    Raises:
        ConfigError: an unknown name, or no experiments.
        ResultsError: the page cannot be written, or the results of which it tells cannot be read.
        KeyboardInterrupt: after keeping what had been finished.
    """
    known = list_experiments(asked.configs)
    wanted = choose_experiments(known, names, asked.smoke)
    jobs, failed = _planned(known, wanted, asked, more=not names and not asked.smoke)
    until = time.monotonic() + asked.budget
    todo = deque(_in_order([jobs[name] for name in wanted if name in jobs], tell))
    if asked.smoke:  # one number of workers for all, so that they are kept
        cohorts = [cohort for job in todo for cohort in job.todo]
        asked = replace(asked, jobs=executor_capacity(ExecutorRequest(asked.places, cohorts, asked.jobs)).count)
    _write_page(known, jobs, asked)
    with ReusableExecutor() if asked.smoke else nullcontext(open_executor) as start:
        while todo and time.monotonic() + (todo[0].seconds or 0) < until:
            job = todo.popleft()
            try:
                _note(failed, job.name, _run(job, asked, watch(), start))
            finally:
                _write_page(known, jobs, asked)
            if job.name not in failed:
                tell(_line(job))
    return ReproduceOutcome(failed, list(todo))


def _planned(
    known: Mapping[str, Path], wanted: Sequence[str], asked: ReproduceRequest, more: bool
) -> tuple[dict[str, Job], dict[str, str]]:
    """The jobs by name, and why there is none; with `more` also those that the page can tell the cost of."""
    jobs: dict[str, Job] = {}
    failed: dict[str, str] = {}
    for name in known if more else wanted:
        try:
            jobs[name] = _job(name, known[name], asked, download=name in wanted)
        except BnbenchError as error:
            if name in wanted:
                _note(failed, name, str(error))
    return jobs, failed


def _job(name: str, path: Path, asked: ReproduceRequest, download: bool) -> Job:
    plan = sweep.prepare_plan(path, {}, asked.places, smoke=asked.smoke, download=download)
    own, folder = plan.experiment.name, asked.results / plan.experiment.name
    if own != name + smoke.SUFFIX * asked.smoke:
        raise ConfigError(f"{path}: name", f"{own!r}, wanted {name!r}, as the file: results are found by it")
    todo = sweep.remaining_cohorts(plan, folder)
    count = executor_capacity(ExecutorRequest(asked.places, todo, asked.jobs)).count
    return Job(name, plan, folder, todo, runtime.estimate_seconds(todo, sweep.step_seconds(folder), count))


def _in_order(jobs: Sequence[Job], tell: Callable[[str], object]) -> list[Job]:
    """The jobs that are not done, the cheapest first and those of unknown cost last."""
    for job in jobs:
        if job.done:
            tell(f"{job.name}: done before, skipped")
    return sorted((job for job in jobs if not job.done), key=lambda job: (job.seconds is None, job.seconds or 0))


def _run(job: Job, asked: ReproduceRequest, watcher: ProgressWatcher, start: ExecutorFactory) -> str:
    """Train what is left of an experiment and report; returns why that failed, or nothing."""
    try:
        options = sweep.SweepOptions(
            job.folder, asked.places, write.write_report, watcher, asked.jobs, open_executor=start
        )
        sweep.run_sweep(job.plan, options)
    except BnbenchError as error:
        return str(error)
    except Exception as error:  # a bug of ours: it must not cost the experiments of a night
        log.error(traceback.format_exc())
        return f"{type(error).__name__}: {error}"
    told = digest.read_digest(job.folder)
    return f"{told.failed} trial(s) failed; the same command tries them again" if told and told.failed else ""


def _note(failed: dict[str, str], name: str, reason: str) -> None:
    """Keep and tell why an experiment failed, if it did."""
    if reason:
        failed[name] = reason
        log.error("%s: %s", name, reason)


def _line(job: Job) -> str:
    told = digest.read_digest(job.folder)
    claims = index.count_verdicts(told) if told else ""
    return ", ".join(
        filter(None, [f"{job.name}: {len(job.plan.trials)} trials", claims, str(job.folder / results_dir.REPORT)])
    )


def _write_page(known: Mapping[str, Path], jobs: Mapping[str, Job], asked: ReproduceRequest) -> None:
    """Write the page of all results whose experiments are known; smoke runs have none.

    Raises:
        ResultsError: a file of that name is somebody else's, or results cannot be read.
    """
    if asked.smoke:
        return
    page = asked.results / PAGE
    if page.exists() and not page.read_text(encoding="utf-8", errors="replace").startswith(index.MARK):
        raise ResultsError(f"{page}: not written by `bnbench reproduce`: move it away, or choose another --results")
    asked.results.mkdir(parents=True, exist_ok=True)
    with results_dir.lock_files(asked.results):
        entries = [
            index.Entry(
                name, _link(path, asked.results), digest.read_digest(asked.results / name), _seconds(jobs.get(name))
            )
            for name, path in known.items()
        ]
        results_dir.write_text(page, index.render_index(entries))


def _seconds(job: Job | None) -> float | None:
    return job.seconds if job else None


def _link(path: Path, folder: Path) -> str:
    """The way from a folder to a file, for a page that lies in the folder."""
    return quote(Path(os.path.relpath(path, folder)).as_posix())
