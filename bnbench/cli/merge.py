"""`bnbench merge`."""

from collections.abc import Sequence
from pathlib import Path

import click

from bnbench.cli.output import echo
from bnbench.errors import DifferentResultsError


@click.command()
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path, file_okay=False))
@click.argument(
    "folders", metavar="RESULTS...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False)
)
def merge(out: Path, folders: Sequence[Path]) -> None:
    """Join results folders of one sweep that several machines have trained.

    The trials of RESULTS, with their saved models, are copied into OUT, and its report is written. RESULTS stay as they
    are. All must have the same plan and device: settings, data, engines and versions of Keras and TensorFlow. OUT is a
    new or empty folder, or has results of this plan: then they stay and count as the first, and saved models that it
    lacks are added.

    Of a trial that failed in one folder and ended in another, the ended one is kept. A trial that ended in several is
    compared: losses of all steps, scores of all epochs, divergence. If a bit differs, the first is kept, the difference
    is printed, and the exit code is 3.

    \b
    bnbench merge results/leaf results/leaf-part-*      all parts of a sweep
    bnbench merge results/leaf results/leaf-part-3-of-3 one more part
    """
    from bnbench.cli.format import format_answer
    from bnbench.cli.format_merge import format_differences, format_merged
    from bnbench.commands.merge import merge_results

    summary, results = merge_results(out, folders)
    echo(format_merged(summary))
    echo(f"\n{format_answer(results)}")
    if summary.different:
        raise DifferentResultsError("\n  ".join(format_differences(summary, results)))
