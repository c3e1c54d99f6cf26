"""`bnbench check`."""

from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo
from bnbench.errors import ClaimsRefutedError, ResultsError


@click.command()
@options.results_folder
@options.as_json
def check(folder: Path, as_json: bool) -> None:
    """Judge the claims of an experiment.

    A claim is supported, refuted or open, and a difference may be too small to matter. The exit code is 3 if a claim
    is refuted.

    \b
    bnbench check results/leaf           a line for each claim, with what was measured
    bnbench check results/leaf --json    all columns, for scripts
    """
    from bnbench.cli.format import format_verdicts, table_as_json
    from bnbench.commands.check import judge_claims

    judged = judge_claims(folder)
    if judged.problem:
        echo(f"{folder}: {judged.problem}", err=True)
    if judged.ended < judged.planned:
        echo(f"the verdicts use {judged.ended} of {judged.planned} trials; the others have not ended", err=True)
    if judged.outside:
        echo(judged.outside, err=True)
    if as_json:
        echo(table_as_json(judged.claims))
    else:
        echo(
            format_verdicts(judged.claims, judged.score_name)
            if len(judged.claims)
            else f"{folder}: the experiment makes no claims"
        )
    if judged.refuted:
        raise ClaimsRefutedError(f"{judged.refuted} of {len(judged.claims)} claim(s) refuted")
    if judged.unread:
        raise ResultsError(f"{folder}: {judged.unread} claim(s) cannot be read and were not judged")
