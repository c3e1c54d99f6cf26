"""Checks that an own table has the columns that `data` names, and returns its inputs."""

from collections.abc import Iterator

from bnbench.config.schema import Data
from bnbench.data.own.table_types import TableFile, looks_like_a_row
from bnbench.errors import DataError, SettingsError, did_you_mean, shorten, shorten_name

# Names of columns in a message.
MAX_NAMED = 30


def input_names(file: TableFile, settings: Data) -> list[str]:
    """Return the names of the inputs in the order of the file: all columns but the target, the group and dropped ones.

    Raises:
        SettingsError: `data` names columns that the table does not have; the message has a line for each of them.
        DataError: a column has no name and is not dropped, or no column is left.
    """
    problems = [(steps, _not_there(name, file, settings)) for steps, name in _named(settings) if name not in file.names]
    if problems:
        raise SettingsError(problems)
    _check_nameless(file, settings)
    others = {name for name in (settings.target, settings.group, *settings.drop) if name is not None}
    names = [name for name in file.names if name not in others]
    if not names:
        raise DataError(f"{file.path}: no column is left as an input beside {', '.join(map(shorten, sorted(others)))}")
    return names


def _named(settings: Data) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each column that `data` names, with the steps to its name."""
    for key in ("target", "group"):
        if (name := getattr(settings, key)) is not None:
            yield (key,), name
    yield from ((("drop", i), name) for i, name in enumerate(settings.drop))
    yield from ((("categories", name), name) for name in settings.categories)
    if isinstance(settings.missing, dict):
        yield from ((("missing", name), name) for name in settings.missing)


def _not_there(name: str, file: TableFile, settings: Data) -> str:
    known = [shorten_name(one) for one in file.names if one]
    listed = ", ".join([*known[:MAX_NAMED], *(["..."] if len(known) > MAX_NAMED else [])])
    return f"{shorten(name)} is not one of {listed}{did_you_mean(name, known)}{_odd_first_line(file, settings)}"


def _odd_first_line(file: TableFile, settings: Data) -> str:
    """Return what may be wrong with the first line, for a message about a column that is not there."""
    if looks_like_a_row(file.names) and settings.header:
        return f"; {file.path} seems to begin with a row: if it has no names of columns, set data.header: false"
    return f"; {file.path} seems to begin with a comment: remove it" if file.names[0].startswith(("#", "%")) else ""


def _check_nameless(file: TableFile, settings: Data) -> None:
    nameless = [str(i + 1) for i, name in enumerate(file.names) if not name]
    if nameless and "" not in settings.drop:
        which = f"column {nameless[0]} has" if len(nameless) == 1 else f"columns {', '.join(nameless[:3])} ... have"
        raise DataError(f"{file.path}: {which} no name: name it in the first line, or add '' to data.drop")
