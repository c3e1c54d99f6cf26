"""click commands: parse, call one function, print. Results on stdout, all else on stderr."""

import errno
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from bnbench.cli import options
from bnbench.cli.data import data
from bnbench.cli.output import echo
from bnbench.cli.reproduce import reproduce
from bnbench.errors import (
    BnbenchError,
    ClaimsRefutedError,
    ResultsError,
    ToleranceError,
    TrialsFailedError,
    did_you_mean,
)


class _Group(click.Group):
    """Commands whose BnbenchErrors become a message and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            click.echo(f"bnbench: standard output: {error.strerror}", err=True)
            os._exit(BnbenchError.exit_code)  # Python would try to write the rest once more

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BnbenchError as error:
            echo(f"bnbench: {error}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:  # `bnbench show results/leaf | head`
            sys.stderr.close()
            ctx.exit(0)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not self.get_command(ctx, args[0]):
            ctx.fail(
                f"no command {args[0]!r}{did_you_mean(args[0], self.commands)}; there are {', '.join(self.commands)}"
            )
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("bnbench"), prog_name="bnbench")
def main() -> None:
    """Over which learning rates does a network train, with and without batch normalisation?

    \b
    bnbench run configs/quickstart.yaml     train, and write tables and figures to results/quickstart
    bnbench plan configs/leaf.yaml          what would run, what is done, how long it takes
    bnbench show results/leaf               the table of a finished experiment
    bnbench check results/leaf              its claims, judged
    """


@main.command()
@options.experiment
@options.places
@options.jobs
@options.trial_timeout
@options.noise
def run(
    config: Path,
    overrides: Sequence[str],
    smoke: bool,
    results: Path,
    data_dir: Path | None,
    offline: bool,
    jobs: int | None,
    trial_timeout: float | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Train what is not done yet; write tables and figures."""
    import bnbench
    from bnbench.cli.format import format_answer
    from bnbench.config.overrides import parse_overrides
    from bnbench.execution.progress import make_watcher

    with options.training(quiet, verbose):
        done = bnbench.run(
            config,
            parse_overrides(overrides),
            results=results,
            data_dir=data_dir,
            offline=offline,
            smoke=smoke,
            jobs=jobs,
            trial_timeout=trial_timeout,
            watcher=make_watcher(quiet),
        )
    echo(format_answer(done))
    for trial, reason in done.faults:
        echo(f"failed: {trial}: {reason.splitlines()[0]}", err=True)
    if done.faults:
        raise TrialsFailedError(f"{len(done.faults)} trial(s) failed; the same command tries them again")


@main.command()
@options.experiment
@options.places
@click.option("--json", "as_json", is_flag=True, help="Every trial, as JSON.")
def plan(
    config: Path,
    overrides: Sequence[str],
    smoke: bool,
    results: Path,
    data_dir: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Show what would run, what is done and how long it takes; run nothing."""
    from bnbench.cli.format import format_cohorts, format_estimate, format_matrix
    from bnbench.config.overrides import parse_overrides
    from bnbench.data.types import DataDirs
    from bnbench.execution import sweep
    from bnbench.planning import resources

    planned = sweep.prepare_plan(
        config, parse_overrides(overrides), DataDirs.from_environment(data_dir, offline), smoke=smoke
    )
    folder = results / planned.experiment.name
    states = sweep.trial_states(planned, folder)
    if as_json:
        rows = [
            {"number": t.number, "trial": t.id, "variant": t.variant, "learning_rate": t.learning_rate, "seed": t.seed}
            | {"axes": dict(t.axes), "state": states[t.id]}
            for t in planned.trials
        ]
        echo(json.dumps(rows, indent=1))
    else:
        measured = sweep.step_seconds(folder)
        jobs = resources.choose_jobs(planned.cohorts, None).count
        parts = [
            format_matrix(planned, states),
            format_cohorts(planned),
            format_estimate(planned, states, measured, jobs),
        ]
        echo("\n\n".join(parts))


@main.command()
@click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option("--pdf", is_flag=True, help="Each figure as PDF, too.")
def report(folder: Path, pdf: bool) -> None:
    """Write report.html, report.md, tables and figures anew from what is stored."""
    from bnbench.report import write as reporting

    for path in reporting.write_report(folder, (*reporting.KINDS, *["pdf"] * pdf)):
        echo(path)


@main.command()
@click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option("--trials", is_flag=True, help="One row a trial; the options below imply it.")
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only these: variant=batchnorm, outcome!=ok, 'learning_rate>=0.1' (quoted: > and < are the shell's), any "
    "column of trials.csv, nothing after = for a missing value. Repeatable: all must hold.",
)
@click.option("--sort", metavar="COLUMN", help="Ascending; -COLUMN: descending.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N rows.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every column.")
def show(folder: Path, trials: bool, where: Sequence[str], sort: str | None, limit: int | None, as_json: bool) -> None:
    """Print the table of an experiment: a row a rate, or a row a trial."""
    import bnbench
    from bnbench.cli.format import format_answer, format_trials, table_as_json
    from bnbench.results import query

    results = bnbench.open(folder)
    if not (trials or where or sort or limit):
        echo(table_as_json(results.summary) if as_json else format_answer(results))
        return
    table, conditions = results.trials, [query.parse_condition(condition) for condition in where]
    rows = query.select_rows(table, conditions, sort, limit)
    shown = query.shown_columns(table, conditions, sort)
    echo(table_as_json(rows) if as_json else format_trials(rows[shown]))
    if len(rows) < len(table):
        told = f"{len(rows)} of {len(table)} trials", query.no_match_hint(table, conditions)
        echo(": ".join(filter(None, told)), err=True)


@main.command()
@click.argument("a", metavar="A", type=click.Path(path_type=Path))
@click.argument("b", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--score",
    default="validation_score",
    show_default=True,
    metavar="SCORE",
    help="What is compared: the score or loss of a part, as test_score or train_loss.",
)
@click.option("--tolerance", type=float, metavar="X", help="How far apart means may be before the exit code is 3.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def compare(a: Path, b: Path, score: str, tolerance: float | None, as_json: bool) -> None:
    """Compare two results folders: settings, surroundings, scores.

    Trials are paired by variant, further axes, learning rate and seed, so data, settings and machine may differ. A
    diverged trial counts at chance (accuracy) or at its initial loss.

    Without --tolerance differences are told and the exit code is 0. With it the exit code is 3 if, for any variant and
    rate, the mean of B - A over the pairs is larger than X in either direction, or if a trial failed in one of them
    (a fault, not divergence). Trials that only one has, and outcomes that differ, are told and decide nothing.
    """
    from bnbench.cli.format import format_comparison
    from bnbench.results import compare as comparing

    found = comparing.compare_results(a, b, score)
    past = comparing.beyond_tolerance(found, tolerance) if tolerance is not None else []
    echo(comparing.comparison_as_json(found) if as_json else format_comparison(found, a, b))
    if past:
        raise ToleranceError("\n  ".join([f"past the tolerance of {tolerance:g}:", *past]))


@main.command()
@click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The verdicts, as JSON.")
def check(folder: Path, as_json: bool) -> None:
    """Judge the claims of an experiment by its results; exit code 3 if one is refuted."""
    import bnbench
    from bnbench.cli.format import format_verdicts, table_as_json

    results = bnbench.open(folder)
    config = results.config
    if config.problem and not config.claims:
        raise ResultsError(f"{folder}: {config.problem}")
    if config.problem:
        echo(f"{folder}: {config.problem}", err=True)
    claims = results.claims
    ended = len(results.trials) - len(results.faults)
    if ended < results.planned:
        echo(f"{ended} of {results.planned} trials have ended: the verdicts are of those", err=True)
    if as_json:
        echo(table_as_json(claims))
    else:
        echo(
            format_verdicts(claims, results.score_name) if len(claims) else f"{folder}: the experiment makes no claims"
        )
    refuted = int((claims["verdict"] == "refuted").sum())
    if refuted:
        raise ClaimsRefutedError(f"{refuted} of {len(claims)} claim(s) refuted")
    if config.unread_claims:
        raise ResultsError(f"{folder}: {config.unread_claims} claim(s) cannot be read and were not judged")


@main.command()
@click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--trial",
    default="best",
    show_default=True,
    metavar="ID",
    help="Whose model: the beginning of a trial's id or name ('batchnorm lr=0.01 seed=0'), or best: of the variant and "
    "rate with the highest mean validation accuracy the best seed that has a model.",
)
@click.option(
    "--top", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="The N likeliest classes."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def predict(folder: Path, inputs: Sequence[Path], trial: str, top: int, as_json: bool) -> None:
    """Apply a saved model to rows of your own.

    An INPUT is a .csv file (a row a sample, with or without a header), a .npy array (one sample or a batch) or an image
    (.png, .jpg), with values as the data set stores them: the model scales them itself. Models are there after a run
    with -o save_models=best (or final).
    """
    from bnbench.cli.format import format_predictions, table_as_json
    from bnbench.commands import predict as predicting

    found = predicting.predict(folder, trial, inputs, top)
    for line in (f"{found.name} ({found.trial})", *found.notes):
        echo(line, err=True)
    echo(table_as_json(found.table) if as_json else format_predictions(found.table))


@main.command()
@click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path))
def repair(folder: Path) -> None:
    """Keep what can be read of a damaged trials.db; `run` trains the rest.

    Every trial that is whole goes into a new trials.db. The damaged file is moved aside as trials.damaged.db, never
    deleted.
    """
    from bnbench.cli.format import format_repaired
    from bnbench.store import repair as repairing

    echo(format_repaired(repairing.repair_database(folder), folder))


main.add_command(reproduce)
main.add_command(data)
