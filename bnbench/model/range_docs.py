"""Renders the reference page of the arguments, as Markdown tables from `range_tables`. `make docs` writes it."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bnbench.model.argument_rules import RULES
from bnbench.model.range_tables.row import Row
from bnbench.model.ranges import TABLES

HEAD = """# Arguments

The values that the arguments of Keras' classes may have in an experiment file. `plan` checks them without Keras.

- Whatever Keras refuses is refused. Where a range is narrower, the last column says why.
- The first row that names a class and an argument counts; `*` stands for any letters.
- `true` and `false` are no numbers, numbers are finite and at most 3.4e38, and whole numbers at most 2,147,483,647.
- An argument may be null if its default is null, or if its row says so. An argument whose default is `true` or `false`,
  and that is not listed, is `true` or `false`. An initializer is never null: Keras would
  take one without a seed.
- Words are written in lower case.

These tables are made from `bnbench/model/range_tables/` and `bnbench/model/argument_rules.py` by `make docs`. A test
compares them with the installed Keras.
"""
_RANGES = ("| classes | arguments | values | why narrower than Keras |", "| --- | --- | --- | --- |")
_RULES = ("| classes | argument | wanted | why stricter than Keras |", "| --- | --- | --- | --- |")


def render_arguments() -> str:
    """Return the page: an introduction, and for each family its ranges and its rules about several arguments."""
    return "\n".join([HEAD, *(line for family in TABLES for line in _section(family)), ""]).rstrip("\n") + "\n"


def _section(family: str) -> Iterator[str]:
    yield from (f"## {family.capitalize()}", "", *_RANGES, *map(_range, TABLES[family]), "")
    if RULES[family]:
        yield from ("Several arguments of one class:", "", *_RULES)
        for rule in RULES[family]:
            yield f"| {_names(rule.classes)} | `{rule.argument}` | {rule.wanted} | {rule.reason} |"
        yield ""


def _range(row: Row) -> str:
    values = f"{row.values.wanted(0)}{', or null' if row.null else ''}"
    return f"| {_names(row.classes)} | {_names(row.arguments)} | {values} | {row.reason} |"


def _names(names: str) -> str:
    return "all" if names == "*" else ", ".join(f"`{name}`" for name in names.split())


def _main() -> None:
    Path(sys.argv[1]).write_text(render_arguments(), encoding="utf-8")


if __name__ == "__main__":
    _main()
