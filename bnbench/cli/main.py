"""The command `bnbench`: lists all commands, loads the one that is called, and turns an error into its exit code.

The numbers of the exit codes are in `errors.py`.
"""

import gc
import sys
from importlib import import_module
from typing import Any

import click

from bnbench.cli.interrupts import interruptible
from bnbench.cli.on_finish import Ending
from bnbench.cli.output import echo
from bnbench.cli.streams import protect_streams
from bnbench.errors import BnbenchError, did_you_mean, shorten_words

# The groups of the help, and in each the commands with one line of help. The command `x` is the function `x` of the
# module `bnbench/cli/x.py`.
COMMANDS = {
    "Make": {
        "init": "Write an experiment file for your data.",
        "validate": "Check experiment files without data and without Keras.",
        "plan": "Show what a run would train, and how long it would take.",
        "run": "Train the trials that are missing and write the report.",
        "guess": "Predict the edge of each variant from a few short trainings.",
        "edge": "Find the highest learning rate at which each variant trains.",
        "credit": "Find which norm slot or ingredient allows higher learning rates.",
        "reproduce": "Run several experiments and write one page about them.",
        "cancel": "Stop a running trial, or a worker of a run that is under way.",
    },
    "Look": {
        "list": "List the results folders.",
        "status": "Show what a run does, from another terminal or another machine.",
        "show": "Print the results as a table.",
        "report": "Write the report, tables and figures again.",
        "check": "Judge the claims of an experiment.",
        "why": "Say how a trial failed: step, first broken value, dead layers.",
        "power": "Say what the seeds of a sweep can show, and how many more it takes.",
        "compare": "Compare two results folders.",
        "predict": "Apply a saved model to your own data.",
    },
    "Share and repair": {
        "export": "Write the results in the formats of other tools.",
        "data": "List, download and verify data sets.",
        "merge": "Join results folders of one sweep that several machines have trained.",
        "repair": "Save the intact trials of a damaged database.",
        "prune": "Remove stored trials that are outside the present plan.",
        "schema": "Print the JSON schema of experiment files, for editors.",
    },
}
# New objects after which Python looks for unreachable ones. More makes no command faster.
COLLECT_AFTER = 10_000


class CommandGroup(click.Group):
    """The commands of the table. A `BnbenchError` becomes a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return [name for commands in COMMANDS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the module of a command and return the command, or None if there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(import_module(f"bnbench.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command to call. For an unknown name, suggest the nearest one."""
        names = self.list_commands(ctx)
        if args[0] not in names:
            ctx.fail(f"no command {args[0]!r}{did_you_mean(args[0], names)}; the commands are {', '.join(names)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their groups, from the table alone: help loads no command."""
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command that was found. Click itself would print `Aborted!` on Ctrl-C, and exit with 1."""
        with interruptible(ctx):
            return super().invoke(ctx)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Parse the command line, call the command, and after its end the one of `--on-finish`."""
        protect_streams()
        # By default, Python looks for unreachable objects each time that 700 more exist: 0.3 of the 3 s of a report.
        gc.set_threshold(COLLECT_AFTER, 10, 10)
        ending = Ending()
        try:
            return self._call(*args, **{**extra, "obj": ending})
        except SystemExit as ended:
            ending.finish(ended.code if isinstance(ended.code, int) else 0)
            raise
        except BaseException:
            # A mistake in bnbench: Python prints where, and exits with 1.
            ending.finish(1)
            raise
        finally:
            # Otherwise Python searches all objects once more before it ends, which takes 0.3 s after a report.
            gc.freeze()

    def _call(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except BnbenchError as error:
            message, code = str(error), error.exit_code
        except OSError as error:
            # Of a file that this package expects to work: a cache, a temporary file, the present folder.
            place = f"{error.filename}: " if error.filename else ""
            message, code = f"{place}{error.strerror or error}", BnbenchError.exit_code
        echo(f"bnbench: {shorten_words(message)}", err=True)
        sys.exit(code)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(None, "-V", "--version", package_name="bnbench", prog_name="bnbench")
def main() -> None:
    """Over which learning rates does a network train, with and without batch normalization?

    \b
    bnbench init wine.csv                 writes an experiment file for your data
    bnbench validate my.yaml              finds mistakes in an experiment file, without its data
    bnbench plan configs/leaf.yaml        shows what would run, and how long it would take
    bnbench run configs/quickstart.yaml   trains, and writes results/quickstart/report.html
    bnbench show results/quickstart       prints the results
    bnbench check results/quickstart      judges the claims of the experiment
    bnbench run --help                    the options of a command, with examples
    """
