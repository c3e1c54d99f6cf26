"""`bnbench schema`."""

import click

from bnbench.cli.output import echo


@click.command()
def schema() -> None:
    """Print the JSON schema of experiment files, for editors.

    With it, an editor completes keys and names, shows what they mean, and marks mistakes while you write. Put its path
    into the first line of an experiment file, relative to that file, as the files in configs/ do:

    \b
    bnbench schema > experiment.schema.json
    # yaml-language-server: $schema=experiment.schema.json

    The schema does not relate one value to another: `bnbench validate` does.
    """
    from bnbench.commands.schema import render_schema

    echo(render_schema().rstrip("\n"))
