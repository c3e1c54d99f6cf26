"""Finds the missing trials, runs them on an executor, and stores each result."""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from bnbench.config import smoke as smoking
from bnbench.config.additions import Addition
from bnbench.config.load import ConfigSource, load_located_config
from bnbench.config.networks import network_file
from bnbench.config.schema import Experiment
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.errors import DataError, ResultsError
from bnbench.execution import environment, executors, other_machines, step_times
from bnbench.execution.beating import BeatingProgress
from bnbench.execution.budget import Budget, TrialSupply
from bnbench.execution.changed_data import log_changed_data
from bnbench.execution.known_checks import KnownChecks
from bnbench.execution.phases import LOADING, WRITING, phase_of
from bnbench.execution.progress import ProgressWatcher, SilentProgress
from bnbench.execution.protocols import Executor, ExecutorFactory, ExecutorRequest
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.model.network_file import Network
from bnbench.model.network_json import write_network
from bnbench.planning import plan as planning
from bnbench.planning.adaptive.forms import make_forms
from bnbench.planning.check_key import distinct_programs
from bnbench.planning.credit import expand_credit
from bnbench.planning.machine import CPU, MachineKind, this_machine
from bnbench.planning.networks import read_networks, with_recorded_files
from bnbench.planning.part import Part
from bnbench.planning.plan import Cohort, Plan, Program, Trial
from bnbench.planning.trial import Epoch, Result, Saving
from bnbench.planning.trial_times import TrialTimes
from bnbench.store import results_dir, store
from bnbench.store.store import Store

if TYPE_CHECKING:
    from bnbench.execution.adaptive import MakeJudge

log = logging.getLogger(__name__)


def prepare_plan(
    config: ConfigSource,
    overrides: Mapping[str, object],
    data_dirs: DataDirs,
    smoke: bool = False,
    download: bool = False,
    further: Sequence[Addition] = (),
    networks: Mapping[str, Network] = MappingProxyType({}),
    choose_device: Callable[[str], str] = lambda name: "",
) -> Plan:
    """Return the plan of an experiment for the data on this machine.

    Args:
        config: the path of the experiment file, its content, or the experiment.
        overrides: dotted keys and their values.
        data_dirs: where the data are.
        smoke: cut the experiment to a few seconds.
        download: download missing data.
        further: what to add to the sweep, after the overrides.
        networks: the networks of variants, which otherwise are read from the files that the variants name.
        choose_device: returns the name of the graphics cards that train, or an empty text for the processor, for the
            name of the experiment.

    Raises:
        ConfigError: the experiment or an override asks for something impossible.
        DataError: the data are missing and `download` is False, or they are damaged.
    """
    experiment, where = expand_credit(*load_located_config(config, overrides, further))
    if smoke:
        experiment = smoking.cut_to_smoke(experiment)
    describe = cache(lambda settings: access.dataset_info(settings, data_dirs, download))
    known = {**read_networks(experiment, data_dirs.config_dir, where, set(networks)), **networks}
    device = choose_device(experiment.name)

    def make(one: Experiment) -> Plan:
        return planning.make_plan(with_recorded_files(one), describe, where, known, device)

    plan = make(experiment)
    return replace(plan, forms=tuple(make_forms(plan, make))) if experiment.sweep.adaptive else plan


def stored_states(folder: Path) -> dict[str, str]:
    """Return completed, diverged or failed for the id of each trial that is stored in a results folder."""
    if not store.has_results(folder):
        return {}
    with store.open_for_reading(folder) as opened:
        return opened.states()


def unprobed_trials(plan: Plan, folder: Path) -> set[str]:
    """Return the stored trials that lack a probe that the experiment asks for now. They are trained again."""
    probes = planning.asked_probes(plan.experiment)
    if not probes or not store.has_results(folder):
        return set()
    with store.open_for_reading(folder) as opened:
        return opened.unprobed(probes)


def recorded_device(folder: Path) -> str | None:
    """Return the name of the cards that a results folder was trained on, empty for the processor; None if unknown."""
    if not store.has_results(folder):
        return None
    with store.open_for_reading(folder) as opened:
        return opened.device()


def recorded_portable(folder: Path) -> bool:
    """Return whether all trials of a results folder whose source is known were trained with `--portable`."""
    if not store.has_results(folder):
        return False
    with store.open_for_reading(folder) as opened:
        sources = opened.known_sources()
    return bool(sources) and all(source.machine.kind.portable for source in sources)


def step_seconds(folder: Path) -> dict[str, float]:
    """Return the seconds per step of each program that has been trained in a results folder."""
    if not store.has_results(folder):
        return {}
    with store.open_for_reading(folder) as opened:
        return opened.step_seconds()


def remaining_cohorts(plan: Plan, folder: Path) -> list[Cohort]:
    """Return the cohorts with the trials that are not done; of cohorts with the same program, only the first.

    The first seed of every rate comes first, so that an early look at the results sees all rates. Among the rates the
    high ones come first, because they may diverge and end early. The executor then knows early how long trials take,
    and can judge whether one more worker saves more time than it takes to compile.
    """
    states = stored_states(folder)
    ended = {trial for trial, state in states.items() if state in {"completed", "diverged"}}
    if plan.experiment.save_models != "none":
        completed = [trial for trial in ended if states[trial] == "completed"]
        ended -= results_dir.missing_models(folder, completed, plan.experiment.save_models)
    ended -= unprobed_trials(plan, folder)
    remaining, programs = [], set()
    for cohort in plan.cohorts:
        trials = cohort.trials.without(ended)
        if trials and cohort.program.key not in programs:
            remaining.append(replace(cohort, trials=trials.seed_by_seed()))
        programs.add(cohort.program.key)
    return remaining


@dataclass(frozen=True)
class SweepOptions:
    """How to run a sweep. For `jobs`, `trial_timeout`, `executor` and `address`, see `ExecutorRequest`."""

    folder: Path
    data_dirs: DataDirs
    # Called with the folder after the last trial, also after an error or Ctrl-C. The folder is still locked then.
    finish: Callable[[Path], object]
    watcher: ProgressWatcher = field(default_factory=SilentProgress)
    jobs: int | None = None
    trial_timeout: float | None = None
    executor: str | None = None
    address: str | None = None
    # The numbers of the graphics cards that train, and how many trials each has at a time; none for the processor.
    cards: Sequence[int] = ()
    jobs_per_card: int = 1
    # Called once, while the last trials train and none waits for a worker: it may take a second.
    while_training: Callable[[], object] = lambda: None
    # Called with the folder after the last trial, again and again, while a worker compiles pairs of variants to time
    # them and a core is free. It does a piece of work, and returns whether more is left.
    while_compiling: Callable[[Path], bool] = lambda folder: False
    # Whether the steps of pairs of variants are timed after the last trial.
    time_steps: bool = True
    # A `ReusableExecutor` keeps the workers for the next sweep.
    open_executor: ExecutorFactory = executors.open_executor
    # May have started a worker already.
    starter: WorkerStarter | None = None
    # The part of the sweep to train; None trains all of it.
    part: Part | None = None
    # Whether trials may be trained on another kind of machine than those that are stored.
    mixed: bool = False
    # Whether trials have the same bits on all x86 processors with AVX2.
    portable: bool = False
    # The time of the command, in which trials may start.
    budget: Budget = field(default_factory=Budget)
    # Makes what judges the claims of an adaptive design.
    make_judge: "MakeJudge | None" = None

    def request(self, cohorts: Sequence[Cohort], kinds: frozenset[MachineKind] = frozenset()) -> ExecutorRequest:
        """Return the request for an executor that trains these cohorts."""
        return ExecutorRequest(
            self.data_dirs, cohorts, self.jobs, self.trial_timeout, self.executor, self.starter,
            self.address, kinds, self.mixed, self.cards, self.jobs_per_card,
            self.portable,
        )  # fmt: skip


def run_sweep(plan: Plan, options: SweepOptions) -> None:
    """Train the trials of the plan that are not stored in the folder, then time the steps of pairs of variants.

    An interrupt loses only the trials that are running; the next run trains them again.

    Raises:
        ConfigError: Keras rejects a model. Nothing has been written to the folder.
        ResultsError: the folder cannot be written, or another process uses it.
        DataError: the data are missing or damaged.
        WorkerError: no worker can be started.
    """
    # The lock comes first: a folder that cannot be used is reported before workers load TensorFlow.
    with store.lock_folder(options.folder):
        results_dir.refuse_links(options.folder)
        log_changed_data(plan, options.folder)
        of_part = plan.of_part(options.part)
        missing = cohorts_to_train(of_part, options.folder)
        supply = _open_supply(plan, () if plan.forms else missing, options)
        todo = [] if supply.is_hopeless() else missing
        kinds = other_machines.stored_machines(plan, options.folder) if todo else {}
        if not options.mixed and not executors.is_remote(options.executor):
            here = this_machine(plan.device or CPU, options.portable)
            other_machines.refuse_other_kinds(kinds, options.folder, here)
        with options.open_executor(options.request(todo, frozenset(kinds))) as executor:
            options = replace(options, watcher=BeatingProgress(options.watcher, options.folder, executor))
            try:
                options.watcher.begin(of_part, sum(len(cohort.trials) for cohort in missing), executor.capacity)
                _check(todo, executor, options)
                with store.open_locked(options.folder) as opened:
                    opened.set_part(options.part)
                    opened.set_device(plan.device)
                    _write_settings(plan, executor if todo else None, opened, options)
                    _train_and_finish(supply, bool(todo), executor, opened, options, plan)
            finally:
                options.watcher.end()


def _open_supply(plan: Plan, todo: Sequence[Cohort], options: SweepOptions) -> TrialSupply:
    """Return what gives out the missing trials, as far as the budget has time for them."""
    if not options.budget.is_limited:
        return TrialSupply(todo, options.budget)
    pairs = step_times.untimed_pairs(plan, options.folder) if options.time_steps else ()
    return TrialSupply(todo, options.budget, TrialTimes(step_seconds(options.folder)), pairs)


def cohorts_to_train(plan: Plan, folder: Path) -> list[Cohort]:
    """Return the cohorts that a run trains, with their trials, or of an adaptive design those that it may train."""
    if not plan.forms:
        return remaining_cohorts(plan, folder)
    # They import pandas, which takes long, and a grid needs neither.
    from bnbench.execution.adaptive import design_is_finished
    from bnbench.planning.adaptive.expected import expected_cohorts

    return [] if design_is_finished(plan, folder) else expected_cohorts(plan)


def _check(todo: Sequence[Cohort], executor: Executor, options: SweepOptions) -> None:
    """Let Keras check the programs that it has not accepted in an earlier run."""
    programs = distinct_programs(cohort.program for cohort in todo)
    known = KnownChecks(options.data_dirs.cache_dir)
    unknown = known.unknown(programs)
    if programs and not unknown:
        phase_of(options.watcher)(LOADING)
    executor.check(unknown, phase_of(options.watcher))
    known.add(programs)


def _write_settings(plan: Plan, executor: Executor | None, opened: Store, options: SweepOptions) -> None:
    """Write the experiment as resolved; with an executor, also the environment of this run."""
    if not plan.forms:
        opened.set_plan(plan)
    if executor:
        # Workers that check nothing may not have loaded TensorFlow yet.
        described = environment.describe_environment(
            plan, executor.devices(), executor.capacity.count, options.data_dirs, options.portable
        )
        opened.set_environment(json.dumps(described, indent=1) + "\n")
    for name, text in _settings_files(plan).items():
        results_dir.write_text(opened.folder / name, text)
    if stored := opened.environment():
        results_dir.write_text(opened.folder / results_dir.ENVIRONMENT, stored)


def _settings_files(plan: Plan) -> dict[str, str]:
    """Return the files of a results folder that say what is trained, by name."""
    networks = {network_file(name): write_network(network) for name, network in plan.networks.items()}
    return {results_dir.CONFIG: plan.experiment.to_yaml(), **networks}


def _train_and_finish(
    supply: TrialSupply, is_open: bool, executor: Executor, opened: Store, options: SweepOptions, plan: Plan
) -> None:
    try:
        saving = Saving(opened.folder, plan.experiment.save_models)
        running = _RunningTrials(executor, supply, opened, options, saving)
        if plan.forms:
            _train_design(plan, is_open, running, options)
        else:
            _train(supply, running, executor.capacity.count)
        supply.close()
        if options.time_steps and supply.has_time_for_pairs():
            step_times.time_missing_pairs(
                plan, executor, opened, options.watcher, lambda: options.while_compiling(opened.folder)
            )
    except ResultsError:
        # If a trial cannot be stored, a report cannot be written either.
        raise
    except BaseException:
        _finish(options, plan)
        raise
    _finish(options, plan)


def _train(supply: TrialSupply, running: "_RunningTrials", workers: int) -> None:
    running.submit(supply.take(len(running.submitted), workers))
    for _ in running.results():
        running.submit(supply.take(len(running.submitted), workers))


def _train_design(plan: Plan, is_open: bool, running: "_RunningTrials", options: SweepOptions) -> None:
    """Train what an adaptive design asks for, trial by trial, as far as there is time.

    Args:
        plan: of the whole grid.
        is_open: whether something is left to train.
        running: the trials that run; their folder gets the record of the design.
        options: of the sweep.

    Raises:
        ConfigError: the seeds that the design may use would not decide. All that was trained is stored.
    """
    if options.make_judge is None:
        raise AssertionError("an adaptive design needs a judge")
    from bnbench.execution.adaptive import DesignRun

    design = DesignRun(plan, running.folder, options.make_judge)
    if not is_open:
        return
    running.submit(design.first_trials())
    running.submit(design.next_trials(running.free_seats, running.submitted))
    while running.submitted:
        for trial, result in running.results():
            if result.fault:
                design.note_fault(trial.id)
            else:
                design.note_outcomes([trial.id])
            if not running.out_of_time:
                running.submit(design.next_trials(running.free_seats, running.submitted))
    if not running.out_of_time:
        design.finish()
        design.refuse_hopeless()


class _RunningTrials:
    """The trials that an executor has, and the results of those that have ended, each stored before it is passed on.

    Attributes:
        folder: the results folder, open for writing.
        submitted: the trials that have not ended, by id.
        out_of_time: whether a trial was refused because it would not have ended in time.
    """

    def __init__(
        self, executor: Executor, supply: TrialSupply, opened: Store, options: SweepOptions, saving: Saving
    ) -> None:
        self._executor, self._supply, self._options, self._saving = executor, supply, options, saving
        self._commit, self._part = environment.checkout_commit() or "", str(options.part or "")
        self.folder, self.out_of_time = opened, False
        self.submitted: dict[str, tuple[Program, Trial]] = {}

    @property
    def free_seats(self) -> int:
        """How many further trials could run now."""
        return max(1, self._executor.capacity.count) - len(self.submitted)

    def submit(self, trials: Iterable[tuple[Program, Trial]]) -> None:
        """Hand trials over."""
        for program, trial in trials:
            self._executor.submit(program, trial, self._saving)
            self.submitted[trial.id] = program, trial

    def results(self) -> Iterator[tuple[Trial, Result]]:
        """Yield the trials in the order in which they end. Further trials may be submitted meanwhile."""
        watcher = self._options.watcher
        on_epoch = _OnEpoch(self._executor, self.submitted, self._options)
        for result in self._executor.results(on_epoch, phase_of(watcher), self._supply.may_start):
            program, trial = self.submitted.pop(result.trial)
            _check_data(result, program)
            self.folder.add(result, self._commit, self._part)
            self._supply.add(program, result)
            watcher.result(trial, result)
            self._forget_refused()
            yield trial, result
        self._forget_refused()

    def _forget_refused(self) -> None:
        for trial in self._supply.refused:
            self.out_of_time = True
            self.submitted.pop(trial, None)


class _OnEpoch:
    """Passes epochs on to the watcher. When the last trials train, it lets other work be done, once.

    A worker whose trial has ended would otherwise wait for this process. The work takes no time of trials only if they
    run in other processes.

    Args:
        submitted: the trials that have not ended; it changes.
    """

    def __init__(self, executor: Executor, submitted: Collection[str], options: SweepOptions) -> None:
        self._submitted, self._options = submitted, options
        count = executor.capacity.count
        # As many as leave a worker idle, or the last one of all.
        self._few = max(1, count - 1) if count else 0

    def __call__(self, trial: Trial, epoch: Epoch) -> None:
        self._options.watcher.epoch(trial, epoch)
        if len(self._submitted) <= self._few:
            self._few = 0
            self._options.while_training()


def _check_data(result: Result, program: Program) -> None:
    """Raise if a trial was trained on other data than its id names. A failed trial has no outcome to check."""
    planned = program.facts
    if not result.fault and result.fingerprint != planned.fingerprint:
        raise DataError(
            f"{planned.name}: trial {result.trial} was trained on data with fingerprint {result.fingerprint[:16]!r}, "
            f"planned with {planned.fingerprint[:16]!r}, so it is not stored; run again to plan with the present data"
        )


def _finish(options: SweepOptions, plan: Plan) -> None:
    phase_of(options.watcher)(WRITING)
    for name, text in _settings_files(plan).items():
        path = options.folder / name
        if not _has_text(path, text):
            # The report would describe other settings than those of the trials.
            log.warning("%s: changed during the run; written again with the settings that were trained", path)
            results_dir.write_text(path, text)
    options.finish(options.folder)


def _has_text(path: Path, text: str) -> bool:
    try:
        return results_dir.read_text(path) == text
    except (OSError, ValueError):
        return False
