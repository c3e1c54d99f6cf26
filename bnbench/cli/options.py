"""Arguments and options that several commands share."""

import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnbench.cli.completion import complete_setting
from bnbench.cli.interrupts import HOW_TO_CONTINUE
from bnbench.cli.job_end import ended_before_job
from bnbench.cli.on_finish import find_ending, parse_command
from bnbench.cli.output import EchoHandler, Formatter, echo
from bnbench.cli.times import parse_interval, parse_time, start_budget

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest
    from bnbench.data.types import DataDirs
    from bnbench.execution.budget import Budget

Function = Callable[..., Any]


def _use_old_name(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    """Take the value of `--results` as the default of `--results-dir`."""
    if value is not None:
        echo("bnbench: --results is now called --results-dir; the old name still works", err=True)
        context.default_map = {**(context.default_map or {}), "results_dir": value}


def _combine(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return one decorator that adds several options, in this order."""

    def add(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add


results_folder = click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path))
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
smoke = click.option(
    "--smoke", is_flag=True, help="Cut the experiment to a few seconds. The results folder is NAME-smoke."
)
results_dir = _combine(
    click.option(
        "--results-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default="results",
        show_default=True,
        help="The directory that contains the results folders.",
    ),
    # Eager options are parsed first, so --results-dir can use the default that this one sets.
    click.option(
        "--results",
        type=click.Path(path_type=Path, file_okay=False),
        callback=_use_old_name,
        is_eager=True,
        expose_value=False,
        hidden=True,
    ),
)
overrides = click.option(
    "-o",
    "--override",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_setting,
    help="Set one key of the experiment, for example train.epochs=5. KEY+=VALUE adds to a list of the sweep: "
    "sweep.learning_rate+=[0.3]. Repeatable.",
)
jobs = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(0, 1024),
    help="Number of trials that run at the same time, each in its own process. 0 trains in this process. "
    "[default: as many as the cores and the memory allow]",
)
trial_timeout = click.option(
    "--trial-timeout",
    callback=parse_time,
    metavar="TIME",
    help="Stop a trial that takes longer, and try it again. After three attempts it has failed. Examples: 90s, 30m. "
    "[default: 20 times the longest trial of the same program, at least 10m]",
)


def edge_search(function: Function) -> Function:
    """Add the options of a search for edges. The command gets `search`, the given keys of `sweep.adaptive.edge`."""

    @wraps(function)
    def command(within: float | None, at_most: int | None, extend: bool, **others: Any) -> Any:
        asked = {"within": within, "at_most": at_most, "extend": extend or None}
        return function(search={key: value for key, value in asked.items() if value is not None}, **others)

    options = _combine(
        click.option(
            "--within",
            type=float,
            metavar="DECADES",
            help="Half of the width of the 95% interval of the ratio of two edges. [default: 0.1, a factor of 1.26]",
        ),
        click.option("--at-most", type=int, metavar="N", help="Trainings of one variant at most. [default: 60]"),
        click.option(
            "--extend", is_flag=True, help="Follow an edge outside the range of rates, by two decades at most."
        ),
    )
    return options(command)  # type: ignore[no-any-return]


def workers(function: Function) -> Function:
    """Add the options that say who trains. The command gets them as `training`, a `TrainingOptions`."""

    @wraps(function)
    def command(
        jobs: int | None,
        trial_timeout: float | None,
        mixed: bool,
        executor: str | None,
        address: str | None,
        jobs_per_gpu: int,
        portable: bool | None,
        budget: "Budget | None",
        **others: Any,
    ) -> Any:
        from bnbench.commands.experiment import TrainingOptions

        if address is not None and executor != "ray":
            raise click.UsageError("--address is for a cluster: give --executor ray, too")
        if executor == "ray" and jobs == 0:
            raise click.UsageError(
                "--jobs 0 trains in this process, but --executor ray on a cluster: leave one of them out"
            )
        training = TrainingOptions(jobs, trial_timeout, mixed, executor, address, jobs_per_gpu, portable, budget)
        return function(training=training, **others)

    mixed = click.option(
        "--mixed",
        is_flag=True,
        help="Continue results that were trained on another kind of machine, whose last bits may differ.",
    )
    executor = click.option(
        "--executor",
        type=click.Choice(["ray"]),
        help="Train on a Ray cluster instead of this machine. Needs the extra `ray`.",
    )
    address = click.option(
        "--address",
        metavar="HOST:PORT",
        help="With --executor ray: the address of the cluster, or auto for the one of this machine. [default: auto]",
    )
    jobs_per_gpu = click.option(
        "--jobs-per-gpu",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        help="With --device gpu or auto: the number of trials that run on each card at the same time.",
    )
    portable = click.option(
        "--portable/--no-portable",
        default=None,
        help="Compute the same bits on all x86 processors with AVX2, for variants that XLA compiles. "
        "[default: as the trials of the results folder]",
    )
    budget = click.option(
        "--budget",
        callback=start_budget,
        metavar="TIME",
        help="Start no trial that would probably end later than this after the start of the command. The rest is left "
        "to the next run. Examples: 90s, 30m, 1h30m.",
    )
    return _combine(budget, jobs, trial_timeout, mixed, portable, executor, address, jobs_per_gpu)(command)  # type: ignore[no-any-return]


def data_dirs(function: Function) -> Function:
    """Add the options that say where the data are. The command gets them as `data_dirs`."""

    @wraps(function)
    def command(data_dir: Path | None, offline: bool, **others: Any) -> Any:
        from bnbench.data.types import DataDirs

        return function(data_dirs=DataDirs.from_environment(data_dir, offline), **others)

    options = _combine(
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path),
            envvar="BNBENCH_DATA",
            show_envvar=True,
            help="A directory with one folder for each data set.",
        ),
        click.option("--offline", is_flag=True, help="Never download data."),
    )
    return options(command)  # type: ignore[no-any-return]


def experiment(function: Function) -> Function:
    """Add the argument CONFIG and its options. The command gets them as `request`, an `ExperimentRequest`."""

    @wraps(function)
    def command(requests: "Sequence[ExperimentRequest]", **others: Any) -> Any:
        (request,) = requests
        return function(request=request, **others)

    return _experiment_options(command, click.argument("config", type=click.Path(path_type=Path)))


def experiments(function: Function) -> Function:
    """Add the argument CONFIG..., at least one, and its options. The command gets `requests`, one for each file."""
    several = click.argument("config", metavar="CONFIG...", nargs=-1, required=True, type=click.Path(path_type=Path))
    return _experiment_options(function, several)


def _experiment_options(function: Function, argument: Callable[[Any], Any]) -> Function:
    @wraps(function)
    def command(
        config: Path | tuple[Path, ...],
        overrides: tuple[str, ...],
        also: tuple[str, ...],
        data_dirs: "DataDirs",
        results_dir: Path,
        smoke: bool,
        part: str | None,
        overlap: int,
        device: str | None,
        **others: Any,
    ) -> Any:
        from bnbench.commands.experiment import ExperimentRequest
        from bnbench.config.overrides import parse_also, parse_overrides
        from bnbench.planning.part import Part

        if overlap and part is None:
            raise click.UsageError("--overlap is for a part of a sweep: give --part, too, for example --part 1/3")
        chosen = Part.parse(part, overlap) if part is not None else None
        settings = parse_overrides(overrides), data_dirs, results_dir, smoke, parse_also(also), chosen, device
        files = config if isinstance(config, tuple) else (config,)
        return function(requests=[ExperimentRequest(file, *settings) for file in files], **others)

    options = _combine(
        argument,
        overrides,
        click.option(
            "--also",
            multiple=True,
            metavar="KEY=VALUE",
            help="Add to the sweep and keep what the results folder has in its plan: learning_rate=0.3, seeds=2 (two "
            "further seeds) or the key of an axis. Repeatable.",
        ),
        click.option(
            "--part",
            metavar="NUMBER/COUNT",
            help="Only this part of the sweep, for example 1/3, in a results folder of its own. The parts share the "
            "seeds out; `bnbench merge` joins their folders.",
        ),
        click.option(
            "--overlap",
            type=click.IntRange(0),
            default=0,
            metavar="SEEDS",
            help="With --part: how many seeds every part has, so that a merge can compare the machines.",
        ),
        click.option(
            "--device",
            type=click.Choice(["cpu", "gpu", "auto"]),
            help="Train on the processor or on graphics cards of NVIDIA; auto takes cards if there are some. [default: "
            "that of the results folder, or else cpu]",
        ),
        smoke,
        results_dir,
        data_dirs,
    )
    return options(command)  # type: ignore[no-any-return]


def training(function: Function) -> Function:
    """Add the options of the progress and of the end, and leave word of how to continue after an interrupt.

    The command gets `make_watcher`, which makes a progress display.
    """

    @wraps(function)
    def command(quiet: bool, verbose: bool, log_every: float | None, on_finish: list[str], **others: Any) -> Any:
        from bnbench.execution.progress import LOG_EVERY, make_watcher

        _log_from(logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING)
        hint = f"Finished trials are stored; the same command continues:\n  {this_command()}"
        click.get_current_context().meta[HOW_TO_CONTINUE] = hint
        find_ending().words = on_finish
        with ended_before_job():
            return function(make_watcher=partial(make_watcher, quiet, verbose, log_every or LOG_EVERY), **others)

    options = _combine(
        click.option("-q", "--quiet", is_flag=True, help="Show no progress."),
        click.option(
            "-v", "--verbose", is_flag=True, help="Also print each trial, and what is found, cached and downloaded."
        ),
        click.option(
            "--log-every",
            callback=parse_interval,
            metavar="TIME",
            help="How often to print the progress if stderr is no terminal. [default: 30s]",
        ),
        click.option(
            "--on-finish",
            callback=parse_command,
            metavar="CMD",
            help="Run this command at the end, also after an error or Ctrl-C. It gets the results folder and the exit "
            "status as BNBENCH_RESULTS and BNBENCH_EXIT_STATUS. No shell runs it; for one, write \"sh -c '...'\".",
        ),
    )
    return options(command)  # type: ignore[no-any-return]


def _log_from(level: int) -> None:
    handler = EchoHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(level=level, handlers=[handler])


def this_command() -> str:
    """Return the command line as the user typed it."""
    return "bnbench " + shlex.join(sys.argv[1:])
