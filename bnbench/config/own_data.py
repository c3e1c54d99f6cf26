"""The keys of `data` that say where the rows are: a built-in data set, a table, arrays, or a folder of images."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from bnbench.config.types import STRICT, InnerValueError
from bnbench.errors import shorten

# Exactly one of these keys says where the rows are.
SOURCES = ("name", "table", "arrays", "images")
# The characters of a path, and of the name of a column.
MAX_PATH, MAX_COLUMN = 500, 200
# The maximum number of names in a list: of columns to drop, or of the values of one column.
MAX_NAMES = 10_000
# The pixels at one side of an image.
MAX_SIDE = 10_000
# The name of a file that `bnbench.sweep` has written: a hash of the arrays that it was called with.
FROM_PYTHON = re.compile(r"[0-9a-f]{32}\.npz")
# What people read in the place of such a name.
FROM_PYTHON_NAME = "arrays"


def _needs(*sources: str) -> AfterValidator:
    """Return a check that a key is given only together with one of these sources."""

    def check(value: Any, info: ValidationInfo) -> Any:
        given = [name for name in SOURCES if info.data.get(name) is not None]
        if value is not None and given and not set(given) & set(sources):
            raise ValueError(f"is a key of data with {' or '.join(sources)}, but here the data have {given[0]}")
        return value

    return AfterValidator(check)


def _as_text(value: object) -> object:
    """Return the text of a whole number: a name of a column or of a value may look like one."""
    return str(value) if type(value) is int else value


def _as_texts(value: object) -> object:
    return [_as_text(one) for one in value] if isinstance(value, list) else _as_text(value)


def _text_keys(value: object) -> object:
    return {_as_text(key): _as_texts(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _distinct(names: list[str]) -> list[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"has {shorten(name)} twice: remove one")
        seen.add(name)
    return names


def _path(value: str) -> str:
    return inner_path(
        value,
        "; for data elsewhere, give their folder with --data-dir",
        "give the folder of the data with --data-dir, and a path without '..'",
    )


def inner_path(value: str, if_absolute: str, if_outside: str) -> str:
    """Refuse a path that leaves the folder of the experiment file. `data/own/paths.py` also follows links.

    Args:
        if_absolute: what to do about an absolute path.
        if_outside: what to do about a path with `..`.
    """
    if not value.strip() or "\0" in value:
        raise ValueError("found an empty path, wanted a file or folder")
    if PurePosixPath(value).is_absolute() or value[:1] in "~\\" or value[1:3] in {":\\", ":/"}:
        raise ValueError(f"found {shorten(value)}, wanted a path relative to the folder of this file{if_absolute}")
    if ".." in value.replace("\\", "/").split("/"):
        raise ValueError(f"{shorten(value)} leaves the folder of this file: {if_outside}")
    return value


def _missing(value: object) -> object:
    value = _text_keys(value)
    if isinstance(value, dict):
        for name, word in value.items():
            if word != "mean":
                raise InnerValueError(f"found {shorten(word)}, wanted mean", str(name))
    elif value is not None and value != "drop_rows":
        raise ValueError(f"found {shorten(value)}, wanted drop_rows or a mapping, as {{weight: mean}}")
    return value


def _separator(value: object) -> object:
    return "\t" if value == "tab" else value


def _one_character(value: str) -> str:
    if len(value) != 1 or value in '\r\n".' or value.isalnum():
        raise ValueError(f"found {shorten(value)}, wanted one character, such as ',', ';', '|', ' ' or tab")
    return value


def _values(value: dict[str, list[str]]) -> dict[str, list[str]]:
    for name, values in value.items():
        if len(values) < 2:
            raise InnerValueError(f"found {shorten(values)}, wanted at least two values", name)
    return value


Path = Annotated[str, Field(max_length=MAX_PATH), AfterValidator(_path)]
Column = Annotated[str, Field(min_length=1, max_length=MAX_COLUMN)]
# pandas writes an index as a column without a name, which can be dropped.
AnyColumn = Annotated[str, Field(max_length=MAX_COLUMN)]
Value = Annotated[str, Field(max_length=MAX_COLUMN)]
Values = Annotated[list[Value], Field(max_length=MAX_NAMES), AfterValidator(_distinct)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]


class OwnData(BaseModel):
    """Where the rows are. Each key that is not given keeps its default, and is not written into recorded files."""

    model_config = STRICT

    # A built-in data set.
    name: str | None = None
    # A file with a line for each row: CSV, TSV or Parquet. Paths are relative to the experiment file.
    table: Path | None = None
    # An .npz archive, or a folder of .npy files.
    arrays: Path | None = None
    # A folder with a folder of PNG or JPEG files for each class.
    images: Path | None = None

    # Whether the target is a class or a number.
    task: Annotated[Literal["classes", "number"] | None, _needs("table", "arrays")] = None
    # The column with the class or the number of each row.
    target: Annotated[Column | None, BeforeValidator(_as_text), _needs("table")] = None
    # Columns that are not used.
    drop: Annotated[
        list[AnyColumn],
        BeforeValidator(_as_texts),
        Field(max_length=MAX_NAMES),
        AfterValidator(_distinct),
        _needs("table"),
    ] = []
    # Column -> its values, which become one number each: 1 in rows that have the value, else 0.
    categories: Annotated[
        dict[Column, Values], BeforeValidator(_text_keys), AfterValidator(_values), _needs("table")
    ] = {}
    # `drop_rows` leaves out rows with a missing value. Column -> `mean`: the mean of the training part, and a column of
    # flags. By default, missing values are refused.
    missing: Annotated[
        dict[Column, Literal["mean"]] | Literal["drop_rows"] | None, BeforeValidator(_missing), _needs("table")
    ] = None
    # The column, or array, whose equal values mark rows that belong together. They are never in two parts.
    group: Annotated[Column | None, BeforeValidator(_as_text), _needs("table", "arrays")] = None
    # What is between the cells of a line. By default a comma, or a tab in a .tsv file.
    separator: Annotated[
        Annotated[str, AfterValidator(_one_character)] | None, BeforeValidator(_separator), _needs("table")
    ] = None
    decimal: Annotated[Literal[".", ","], _needs("table")] = "."
    # Whether the first line has the names of the columns. Without names, they are called 1, 2, 3 ...
    header: Annotated[bool, _needs("table")] = True

    # The names of the arrays: rows, their classes or numbers, and the same for official parts.
    x: Annotated[Column | None, _needs("arrays")] = None
    y: Annotated[Column | None, _needs("arrays")] = None
    x_validation: Annotated[Column | None, _needs("arrays")] = None
    y_validation: Annotated[Column | None, _needs("arrays")] = None
    x_test: Annotated[Column | None, _needs("arrays")] = None
    y_test: Annotated[Column | None, _needs("arrays")] = None
    # The name of an array with the names of the values of a row, by which `predict` finds the columns of a table.
    columns: Annotated[Column | None, _needs("arrays")] = None

    # Height and width that all images are resized to. By default they must all have one size.
    size: Annotated[Annotated[list[Side], Field(min_length=2, max_length=2)] | None, _needs("images")] = None
    # 1 for gray, 3 for color. By default all images must be the same.
    channels: Annotated[Literal[1, 3] | None, _needs("images")] = None

    @model_validator(mode="after")
    def _complete(self) -> "OwnData":
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "found none"
            raise ValueError(f"{found}, wanted one of {', '.join(SOURCES)}")
        if self.table is not None and self.target is None:
            raise InnerValueError("missing: the column with the class or the number of each row", "target")
        for key in ("x", "y") if self.arrays is not None else ():
            if getattr(self, key) is None:
                raise InnerValueError("missing: the name of an array", key)
        self._check_pairs()
        self._check_columns()
        return self

    def _check_pairs(self) -> None:
        for part in ("validation", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if (x is None) != (y is None):
                lacking, other = (f"y_{part}", f"x_{part}") if y is None else (f"x_{part}", f"y_{part}")
                raise InnerValueError(f"missing: {other} is given", lacking)

    def _check_columns(self) -> None:
        """Raise if a column has two roles."""
        roles: dict[str, str] = {}
        filled = list(self.missing) if isinstance(self.missing, dict) else []
        named: dict[str, list[str | None]] = {
            "target": [self.target],
            "group": [self.group],
            "drop": [*self.drop],
            "categories": [*self.categories],
            "missing": [*filled],
        }
        for key, columns in named.items():
            for column in columns:
                if column is not None and roles.setdefault(column, key) != key:
                    advice = {
                        "categories": ": categories have no mean; a missing value can be one of them, ''",
                        "target": ": a row without a target can only be left out, with missing: drop_rows",
                    }.get(roles[column] if key == "missing" else "", "")
                    raise InnerValueError(f"{shorten(column)} is already in data.{roles[column]}{advice}", key)

    @property
    def path(self) -> str:
        """The file or folder of own data as it is written; empty for a built-in data set."""
        return self.table or self.arrays or self.images or ""

    @property
    def source(self) -> str:
        """The name of the data for people: of the built-in data set, or of the file or folder without its ending.

        Arrays that were given from Python have no name of their own.
        """
        if self.from_python:
            return FROM_PYTHON_NAME
        return self.name or PurePosixPath(self.path).name.partition(".")[0] or self.path

    @property
    def from_python(self) -> bool:
        """Whether these are arrays that `bnbench.sweep` was called with, and keeps in the cache."""
        return bool(self.arrays and FROM_PYTHON.fullmatch(self.arrays))

    @property
    def kind(self) -> str:
        """The key that says where the rows are: `name`, `table`, `arrays` or `images`."""
        return next(name for name in SOURCES if getattr(self, name) is not None)

    @model_serializer(mode="wrap")
    def _without_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the keys of this class that are not given: most files have only a few of them."""
        values: dict[str, Any] = serialize(self)
        unset = {name for name in _UNWRITTEN if name in values and getattr(self, name) == _UNWRITTEN[name]}
        return {name: value for name, value in values.items() if name not in unset}


# The keys that only say which rows are read, with their defaults. The fingerprint of the rows depends on them.
_UNWRITTEN = {name: field.get_default(call_default_factory=True) for name, field in OwnData.model_fields.items()}
READING_KEYS = frozenset(_UNWRITTEN) - {"name"}
