from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import bnbench.cli
from bnbench.cli.main import COMMANDS, main
from support.paths import ROOT

HELP = {name: text for commands in COMMANDS.values() for name, text in commands.items()}
HELLO = '''
"""`bnbench hello`."""

import click


@click.command()
@click.argument("name")
def hello(name: str) -> None:
    """Greet somebody."""
    click.echo(f"hello {name}")
'''


def call(*words: str) -> str:
    done = CliRunner().invoke(main, words, prog_name="bnbench", catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_the_help_shows_the_commands_in_groups() -> None:
    lines = call("--help").splitlines()
    titles = [line.removesuffix(":") for line in lines if line.removesuffix(":") in COMMANDS]
    assert titles == ["Make", "Look", "Share and repair"]
    first_words = [line.split()[0] for line in lines[lines.index("Make:") :] if line.startswith("  ")]
    assert first_words == list(HELP)


@pytest.mark.parametrize("name", HELP)
def test_the_help_of_a_command_begins_with_its_line_in_the_list(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert command.help.splitlines()[0] == HELP[name]


@pytest.mark.parametrize("name", HELP)
def test_every_option_has_a_help_text(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    commands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    options = [one for each in commands for one in each.params if isinstance(one, click.Option) and not one.hidden]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", HELP)
def test_every_help_has_examples_that_fit_the_terminal(name: str) -> None:
    examples = [line for line in call(name, "--help").splitlines() if line.startswith(f"  bnbench {name}")]
    assert examples
    assert max(map(len, examples)) <= 100


def test_the_version_has_a_short_option() -> None:
    assert call("-V") == call("--version")


def test_the_reference_page_names_every_command() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert [name for name in HELP if f"\n## `{name}`\n" not in page] == []


def test_a_new_command_is_one_module_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hello.py").write_text(HELLO, encoding="utf-8")
    monkeypatch.setattr(bnbench.cli, "__path__", [*bnbench.cli.__path__, str(tmp_path)])
    monkeypatch.setitem(COMMANDS["Look"], "hello", "Greet somebody.")
    assert "hello    Greet somebody." in call("--help")
    assert call("hello", "world") == "hello world\n"


def test_an_unknown_command_suggests_a_known_one() -> None:
    done = CliRunner().invoke(main, ["comprae"])
    assert done.exit_code == 2
    assert "no command 'comprae' (did you mean 'compare'?)" in done.stderr
