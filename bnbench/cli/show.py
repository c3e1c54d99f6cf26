"""`bnbench show`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.completion import complete_column, complete_condition
from bnbench.cli.output import echo

if TYPE_CHECKING:
    from bnbench.commands.show import TrialSelection


# The columns that a narrow terminal does without, the least important one first.
OPTIONAL = ("train_loss", "epochs", "status", "diverged_at_step", "seconds")


@click.command()
@options.results_folder
@click.option("--trials", is_flag=True, help="Print one row per trial. The options below imply it.")
@click.option(
    "--all", "everything", is_flag=True, help="Also print the stored trials that are not part of the present plan."
)
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    shell_complete=complete_condition,
    help="Select trials: variant=batchnorm, outcome!=ok, 'learning_rate>=0.1' (in quotes, because the shell uses > and "
    "<). COLUMN is any column of trials.csv. Nothing after = means a missing value. Repeatable: all conditions must "
    "hold.",
)
@click.option(
    "--sort",
    metavar="COLUMN",
    shell_complete=complete_column,
    help="Sort in ascending order; -COLUMN sorts in descending order.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Print the first N rows.")
@options.as_json
def show(
    folder: Path,
    trials: bool,
    everything: bool,
    where: Sequence[str],
    sort: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print the results as a table.

    The table has one row per learning rate, or with --trials one row per trial. On a terminal a table ends with the
    screen, and a line says where the rest is; a pipe and a file get all rows. JSON contains every column.

    Trials that the experiment file no longer asks for stay stored, but no number of the results includes them. --all
    lists them, too, with false in the column `planned`.

    \b
    bnbench show results/leaf                                      the answer and the tables
    bnbench show results/leaf --where variant=plain --sort -seed   trial by trial
    bnbench show results/leaf --all --where planned=false          what is outside the present plan
    """
    from bnbench.cli.format import format_answer, table_as_json
    from bnbench.commands.show import select_trials
    from bnbench.results.caveats import outside_sentence
    from bnbench.results.results import Results

    results = Results(folder, all_trials=everything)
    by_trial = trials or everything or where or sort or limit
    if by_trial:
        selection = select_trials(results.trials, where, sort, limit)
        _print_trials(selection, as_json, " ".join([*where, sort or ""]), limit)
    else:
        echo(table_as_json(results.summary) if as_json else format_answer(results))
    # The answer for people has this sentence already.
    if not everything and (by_trial or as_json) and (outside := outside_sentence(results)):
        echo(outside, err=True)


def _print_trials(selection: "TrialSelection", as_json: bool, asked: str, limit: int | None) -> None:
    from bnbench.cli.format import fit_trials, screen_rows, table_as_json

    rows = selection.rows
    if as_json:
        echo(table_as_json(rows))
    else:
        shown = rows[selection.shown_columns][: limit or screen_rows()]
        text, left_out = fit_trials(shown, [name for name in OPTIONAL if name not in asked])
        echo(text)
        if len(shown) < len(rows):
            echo(f"and {len(rows) - len(shown)} more: --limit {len(rows)} shows them, trials.csv has them", err=True)
        if left_out:
            echo(f"no room for {', '.join(left_out)}: COLUMNS=200 or --json shows them", err=True)
    if len(rows) < selection.total:
        echo(": ".join(filter(None, (f"{len(rows)} of {selection.total} trials", selection.hint))), err=True)
