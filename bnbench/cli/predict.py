"""`bnbench predict`."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo, echo_json

MAX_NOTES = 20


@click.command()
@options.results_folder
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--trial",
    default="best",
    show_default=True,
    metavar="ID",
    help="The trial whose model is used: the beginning of its id or name ('batchnorm lr=0.01 seed=0'), or best. best "
    "takes the variant and learning rate with the highest mean validation accuracy, and there the best seed that has "
    "a model.",
)
@click.option(
    "--top", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Print the N most likely classes."
)
@options.as_json
def predict(folder: Path, inputs: Sequence[Path], trial: str, top: int, as_json: bool) -> None:
    """Apply a saved model to your own data.

    An INPUT is a .csv file (one row per sample, with or without a header), a .npy array (one sample or a batch), an
    image (.png, .jpg) or a folder of images. Its values must have the scale of the stored data set: the model contains
    the scaling. RESULTS contains models after a run with -o save_models=best (or final).

    \b
    bnbench predict results/leaf new.csv                     the class of each row
    bnbench predict results/mnist-mlp digit.png --top 3      the three most likely classes of an image
    bnbench predict results/leaf new.csv --json              for scripts
    """
    from bnbench.cli.format_predictions import format_predictions
    from bnbench.cli.reading_progress import ReadingProgress
    from bnbench.commands.predict import predict_files
    from bnbench.results.query import rows_as_dicts

    progress = ReadingProgress()
    try:
        predictions = predict_files(folder, trial, inputs, top, progress.show)
        progress.end()
        echo(f"{predictions.name} ({predictions.trial})", err=True)
        for note in _shortened(predictions.notes):
            echo(note, err=True)
        if as_json:
            echo_json(chain.from_iterable(map(rows_as_dicts, predictions.make_parts())))
        else:
            for text in format_predictions(predictions):
                echo(text)
    finally:
        progress.end()


def _shortened(notes: Sequence[str]) -> list[str]:
    """Return the first notes, and how many are left out: a folder may have thousands of images."""
    left = len(notes) - MAX_NOTES
    return [*notes[:MAX_NOTES], *([f"and {left:,} more notes of this kind"] if left > 0 else [])]
