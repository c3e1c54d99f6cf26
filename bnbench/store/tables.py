"""The tables of trials.db, declared once: each column with its SQL type and the format that introduced it.

Formats (`PRAGMA user_version`):
    1  The tables trials, history, programs and plan.
    2  trials.bn_mode_gap.
    3  trials.prediction_share, majority_share, dead_share and dead_layer.
    4  trials.fitted_loss and fitted_accuracy.
    5  trials.gradient_growth.
    6  trials.checksum, which covers the row and its history. Older rows have none and are accepted without it.
       The table notes: `plan` has the checksum of plan and programs, `environment` the text of environment.json.
    7  trials.pre_activations: JSON, percentiles by epoch.
    8  The table measurements. Values of later probes are stored there, so they need no new format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType

FORMAT = 8
PYTHON_TYPES: dict[str, tuple[type, ...]] = {"TEXT": (str,), "INTEGER": (int,), "REAL": (float, int), "BLOB": (bytes,)}


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    # Type and constraint, such as `TEXT NOT NULL`.
    sql: str
    since: int = 1

    @property
    def definition(self) -> str:
        """The column in CREATE TABLE and ALTER TABLE."""
        # `values` is a keyword of SQL.
        name = f'"{self.name}"' if self.name == "values" else self.name
        return f"{name} {self.sql}"

    @property
    def types(self) -> tuple[type, ...]:
        """The Python types that its values may have."""
        optional = () if "NOT NULL" in self.sql or "PRIMARY KEY" in self.sql else (NoneType,)
        return PYTHON_TYPES[self.sql.partition(" ")[0]] + optional

    @property
    def is_real(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.sql.startswith("REAL")


@dataclass(frozen=True)
class Table:
    """A table of trials.db. Its columns are in the order of the formats that introduced them, as they are in a file."""

    name: str
    columns: tuple[Column, ...]
    # The primary key, where no column declares it.
    key: tuple[str, ...] = ()
    without_rowid: bool = True
    since: int = 1

    @property
    def create(self) -> str:
        """CREATE TABLE with the columns of the present format."""
        parts = [column.definition for column in self.columns]
        if self.key:
            parts.append(f"PRIMARY KEY ({', '.join(self.key)})")
        ending = " WITHOUT ROWID" if self.without_rowid else ""
        # A line for each column.
        body = ",\n    ".join(parts)
        return f"CREATE TABLE {self.name} (\n    {body}\n){ending};"

    def names(self, version: int = FORMAT) -> tuple[str, ...]:
        """The names of the columns that a file of a format has."""
        return tuple(column.name for column in self.columns if column.since <= version)


TRIALS = Table(
    "trials",
    (
        Column("id", "TEXT PRIMARY KEY"),
        Column("program", "TEXT NOT NULL"),
        Column("status", "TEXT NOT NULL"),
        Column("divergence", "TEXT"),
        Column("diverged_at_step", "INTEGER"),
        Column("steps", "INTEGER NOT NULL"),
        Column("parameters", "INTEGER"),
        Column("test_loss", "REAL"),
        Column("test_accuracy", "REAL"),
        Column("best_epoch", "INTEGER"),
        Column("best_test_loss", "REAL"),
        Column("best_test_accuracy", "REAL"),
        Column("seconds", "REAL"),
        Column("seconds_per_step", "REAL"),
        Column("engine", "TEXT"),
        Column("worker", "TEXT"),
        Column("reason", "TEXT"),
        Column("traceback", "TEXT"),
        # The loss of every mini-batch: float32, little-endian, zlib.
        Column("step_losses", "BLOB"),
        Column("bn_mode_gap", "REAL", since=2),
        Column("prediction_share", "REAL", since=3),
        Column("majority_share", "REAL", since=3),
        Column("dead_share", "REAL", since=3),
        Column("dead_layer", "TEXT", since=3),
        Column("fitted_loss", "REAL", since=4),
        Column("fitted_accuracy", "REAL", since=4),
        Column("gradient_growth", "REAL", since=5),
        Column("checksum", "TEXT", since=6),
        Column("pre_activations", "TEXT", since=7),
    ),
)
HISTORY = Table(
    "history",
    (
        Column("trial", "TEXT NOT NULL REFERENCES trials (id)"),
        Column("epoch", "INTEGER NOT NULL"),
        Column("step", "INTEGER NOT NULL"),
        Column("train_loss", "REAL"),
        Column("train_accuracy", "REAL"),
        Column("validation_loss", "REAL"),
        Column("validation_accuracy", "REAL"),
        Column("seconds", "REAL"),
    ),
    key=("trial", "epoch"),
)
PROGRAMS = Table(
    "programs",
    (
        Column("key", "TEXT PRIMARY KEY"),
        Column("classes", "INTEGER NOT NULL"),
        Column("train_rows", "INTEGER NOT NULL"),
        Column("validation_rows", "INTEGER NOT NULL"),
        Column("test_rows", "INTEGER NOT NULL"),
        Column("steps_per_epoch", "INTEGER NOT NULL"),
        Column("validation_is_test", "INTEGER NOT NULL"),
    ),
)
PLAN = Table(
    "plan",
    (
        Column("number", "INTEGER PRIMARY KEY"),
        Column("trial", "TEXT NOT NULL"),
        Column("program", "TEXT NOT NULL"),
        Column("variant", "TEXT NOT NULL"),
        Column("learning_rate", "REAL NOT NULL"),
        Column("seed", "INTEGER NOT NULL"),
        Column("axes", "TEXT NOT NULL"),
    ),
    without_rowid=False,
)
NOTES = Table(
    "notes",
    (
        Column("name", "TEXT PRIMARY KEY"),
        Column("text", "TEXT NOT NULL"),
        Column("checksum", "TEXT NOT NULL"),
    ),
    since=6,
)
# One row for each series that a probe measured in a trial.
MEASUREMENTS = Table(
    "measurements",
    (
        Column("trial", "TEXT NOT NULL REFERENCES trials (id)"),
        Column("name", "TEXT NOT NULL"),
        # Empty: of the whole model.
        Column("layer", "TEXT NOT NULL"),
        Column("unit", "TEXT NOT NULL"),
        # Both float64, little-endian, of the same length. They are not compressed: a file from elsewhere cannot
        # unpack to more than its size.
        Column("positions", "BLOB NOT NULL"),
        Column("values", "BLOB NOT NULL"),
    ),
    key=("trial", "name", "layer"),
    since=8,
)
TABLES = (TRIALS, HISTORY, PROGRAMS, PLAN, NOTES, MEASUREMENTS)
BY_NAME = {table.name: table for table in TABLES}
CREATE = f"BEGIN; {' '.join(table.create for table in TABLES)} PRAGMA user_version = {FORMAT}; COMMIT;"


def migration(version: int) -> str:
    """The statements that bring a file of an older format to the present one, in one transaction."""
    return f"BEGIN; {'; '.join(_changes(version))}; PRAGMA user_version = {FORMAT}; COMMIT;"


def _changes(version: int) -> Iterator[str]:
    for table in TABLES:
        if table.since > version:
            yield table.create.removesuffix(";")
            continue
        for column in table.columns:
            if column.since > version:
                yield f"ALTER TABLE {table.name} ADD COLUMN {column.definition}"
