"""`bnbench init`."""

from pathlib import Path

import click

from bnbench.cli.output import echo


@click.command()
@click.argument("source", metavar="[FILE|NAME]", required=False)
@click.option("--target", metavar="COLUMN", help="The column, or array, with the class or number of each row.")
@click.option(
    "--output",
    metavar="CONFIG",
    type=click.Path(path_type=Path),
    help="The experiment file to write. [default: NAME.yaml next to the data]",
)
@click.option("--name", help="The name of the experiment. [default: that of the data]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(source: str | None, target: str | None, output: Path | None, name: str | None, force: bool) -> None:
    """Write an experiment file for your data.

    FILE is a table (.csv, .tsv, .txt, .parquet), an .npz archive, a folder of .npy files, or a folder with a folder of
    images for each class. NAME is a built-in data set (bnbench data list). Without either, the file is an example.

    The data are looked at once: what separates the cells, the target, columns that cannot be used, missing values. What
    is found is printed and written into the experiment file, with the reason. Then the file is checked as plan does.

    \b
    bnbench init wine.csv                    writes wine.yaml next to wine.csv
    bnbench run wine.yaml                    trains, and writes results/wine/report.html
    bnbench init wine.csv --target quality   another target than the one that was found
    bnbench init leaves/                     a folder of images
    bnbench init fashion_mnist               a built-in data set
    """
    from bnbench.cli.format_init import format_written
    from bnbench.commands.init import InitRequest, write_experiment

    echo(format_written(write_experiment(InitRequest(source, target, output, name, force)), is_example=source is None))
