"""`--on-finish CMD`: a command that runs after the end of bnbench, however it ended."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from bnbench.cli.output import echo

RESULTS, STATUS = "BNBENCH_RESULTS", "BNBENCH_EXIT_STATUS"
# What only a shell understands.
OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"}


@dataclass
class Ending:
    """What to do after the end. The context of the command line carries it, and the commands fill it in.

    Attributes:
        words: the program to run and its arguments; empty if there is none.
        results: the results folder; None as long as it is unknown.
    """

    words: Sequence[str] = ()
    results: Path | None = None

    def finish(self, status: int) -> None:
        """Run the command, if there is one. Its failure is a message: the exit status stays that of bnbench."""
        if not self.words:
            return
        results = "" if self.results is None else str(self.results.absolute())
        variables = {**os.environ, RESULTS: results, STATUS: str(status)}
        problem = ""
        # Whoever presses Ctrl-C now interrupts that command, too.
        with suppress(KeyboardInterrupt):
            try:
                # The user's own command, without a shell.
                code = subprocess.run(self.words, env=variables, check=False).returncode  # noqa: S603
                problem = f"ended with exit status {code}" if code else ""
            except OSError as error:
                problem = f"cannot be started: {error.strerror or error}"
        if problem:
            echo(f"bnbench: --on-finish: {shlex.join(self.words)}: {problem}", err=True)


def find_ending() -> Ending:
    """Return the ending of the present command line."""
    return click.get_current_context().find_object(Ending) or Ending()


def parse_command(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    """Return the words of a command, of which the first is a program that exists.

    Nothing is found out only after hours of training: that the program is missing, or that a shell was expected.
    """
    if value is None:
        return []
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from None
    if not words:
        raise click.BadParameter("no command: write for example 'sh notify.sh'")
    runs_text = words[1:2] == ["-c"]
    surprising = [word for word in words if word in OPERATORS or "$" in word or "`" in word]
    if surprising and not runs_text:
        raise click.BadParameter(
            f"{surprising[0]!r} is for a shell, but no shell runs this command: write sh -c {shlex.quote(value)}"
        )
    if shutil.which(words[0]) is None:
        raise click.BadParameter(f"there is no program {words[0]!r}")
    return words
