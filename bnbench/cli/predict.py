"""`bnbench predict`."""

from collections.abc import Sequence
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


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

    An INPUT is a .csv file (one row per sample, with or without a header), a .npy array (one sample or a batch) or an
    image (.png, .jpg). Its values must have the scale of the stored data set: the model contains the scaling. RESULTS
    contains models after a run with -o save_models=best (or final).
    """
    from bnbench.cli.format import format_predictions, table_as_json
    from bnbench.commands.predict import predict_files

    predictions = predict_files(folder, trial, inputs, top)
    for line in (f"{predictions.name} ({predictions.trial})", *predictions.notes):
        echo(line, err=True)
    echo(table_as_json(predictions.table) if as_json else format_predictions(predictions.table))
