"""The tables of trials.db, declared once: each column with its SQL type and the format that introduced it.

Formats (`PRAGMA user_version`):
    1  The tables trials, history, programs and plan.
    2  trials.bn_mode_gap.
    3  trials.prediction_share, majority_share, dead_share and dead_layer.
    4  trials.fitted_loss and fitted_accuracy.
    5  trials.gradient_growth.
    6  trials.checksum, which covers the row and its history. Older rows have no checksum and are accepted without it.
       The table notes: `plan` has the checksum of plan and programs, `environment` the text of environment.json.
       Later versions add `former_plans` (see `former_plans.py`) and `step_times` (see `step_times.py`), which earlier
       ones neither read nor change.
    7  trials.pre_activations: JSON, percentiles by epoch.
    8  The table measurements. Values of later probes are stored there, so they need no new format.
    9  trials.source and the table sources: where a trial was trained, and with what.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType

FORMAT = 9
PYTHON_TYPES: dict[str, tuple[type, ...]] = {"TEXT": (str,), "INTEGER": (int,), "REAL": (float, int), "BLOB": (bytes,)}


@dataclass(frozen=True)
class SqlColumn:
    """A column of a table."""

    name: str
    # Type and constraint, such as `TEXT NOT NULL`.
    sql: str
    since: int = 1

    @property
    def definition(self) -> str:
        """The column in CREATE TABLE and ALTER TABLE."""
        # `values` is a keyword of SQL, so it needs quotes.
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
class SqlTable:
    """A table of trials.db.

    Its columns are in the order of the formats that introduced them, which is also their order in a file.
    """

    name: str
    columns: tuple[SqlColumn, ...]
    # The primary key, if it is not declared by a column.
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
        # One line for each column.
        body = ",\n    ".join(parts)
        return f"CREATE TABLE {self.name} (\n    {body}\n){ending};"

    def names(self, version: int = FORMAT) -> tuple[str, ...]:
        """The names of the columns that a file of a format has."""
        return tuple(column.name for column in self.columns if column.since <= version)


TRIALS_TABLE = SqlTable(
    "trials",
    (
        SqlColumn("id", "TEXT PRIMARY KEY"),
        SqlColumn("program", "TEXT NOT NULL"),
        SqlColumn("status", "TEXT NOT NULL"),
        SqlColumn("divergence", "TEXT"),
        SqlColumn("diverged_at_step", "INTEGER"),
        SqlColumn("steps", "INTEGER NOT NULL"),
        SqlColumn("parameters", "INTEGER"),
        SqlColumn("test_loss", "REAL"),
        SqlColumn("test_accuracy", "REAL"),
        SqlColumn("best_epoch", "INTEGER"),
        SqlColumn("best_test_loss", "REAL"),
        SqlColumn("best_test_accuracy", "REAL"),
        SqlColumn("seconds", "REAL"),
        SqlColumn("seconds_per_step", "REAL"),
        SqlColumn("engine", "TEXT"),
        SqlColumn("worker", "TEXT"),
        SqlColumn("reason", "TEXT"),
        SqlColumn("traceback", "TEXT"),
        # The loss of every mini-batch: float32, little-endian, zlib.
        SqlColumn("step_losses", "BLOB"),
        SqlColumn("bn_mode_gap", "REAL", since=2),
        SqlColumn("prediction_share", "REAL", since=3),
        SqlColumn("majority_share", "REAL", since=3),
        SqlColumn("dead_share", "REAL", since=3),
        SqlColumn("dead_layer", "TEXT", since=3),
        SqlColumn("fitted_loss", "REAL", since=4),
        SqlColumn("fitted_accuracy", "REAL", since=4),
        SqlColumn("gradient_growth", "REAL", since=5),
        SqlColumn("checksum", "TEXT", since=6),
        SqlColumn("pre_activations", "TEXT", since=7),
        # A key of the table sources.
        SqlColumn("source", "TEXT", since=9),
    ),
)
HISTORY_TABLE = SqlTable(
    "history",
    (
        SqlColumn("trial", "TEXT NOT NULL REFERENCES trials (id)"),
        SqlColumn("epoch", "INTEGER NOT NULL"),
        SqlColumn("step", "INTEGER NOT NULL"),
        SqlColumn("train_loss", "REAL"),
        SqlColumn("train_accuracy", "REAL"),
        SqlColumn("validation_loss", "REAL"),
        SqlColumn("validation_accuracy", "REAL"),
        SqlColumn("seconds", "REAL"),
    ),
    key=("trial", "epoch"),
)
PROGRAMS_TABLE = SqlTable(
    "programs",
    (
        SqlColumn("key", "TEXT PRIMARY KEY"),
        SqlColumn("classes", "INTEGER NOT NULL"),
        SqlColumn("train_rows", "INTEGER NOT NULL"),
        SqlColumn("validation_rows", "INTEGER NOT NULL"),
        SqlColumn("test_rows", "INTEGER NOT NULL"),
        SqlColumn("steps_per_epoch", "INTEGER NOT NULL"),
        SqlColumn("validation_is_test", "INTEGER NOT NULL"),
    ),
)
PLAN_TABLE = SqlTable(
    "plan",
    (
        SqlColumn("number", "INTEGER PRIMARY KEY"),
        SqlColumn("trial", "TEXT NOT NULL"),
        SqlColumn("program", "TEXT NOT NULL"),
        SqlColumn("variant", "TEXT NOT NULL"),
        SqlColumn("learning_rate", "REAL NOT NULL"),
        SqlColumn("seed", "INTEGER NOT NULL"),
        SqlColumn("axes", "TEXT NOT NULL"),
    ),
    without_rowid=False,
)
NOTES_TABLE = SqlTable(
    "notes",
    (
        SqlColumn("name", "TEXT PRIMARY KEY"),
        SqlColumn("text", "TEXT NOT NULL"),
        SqlColumn("checksum", "TEXT NOT NULL"),
    ),
    since=6,
)
# One row for each series that a probe measured in a trial.
MEASUREMENTS_TABLE = SqlTable(
    "measurements",
    (
        SqlColumn("trial", "TEXT NOT NULL REFERENCES trials (id)"),
        SqlColumn("name", "TEXT NOT NULL"),
        # Empty if the values are about the whole model.
        SqlColumn("layer", "TEXT NOT NULL"),
        SqlColumn("unit", "TEXT NOT NULL"),
        # Both are float64, little-endian, and have the same length. They are not compressed, so a small file cannot
        # unpack to an enormous one.
        SqlColumn("positions", "BLOB NOT NULL"),
        SqlColumn("values", "BLOB NOT NULL"),
    ),
    key=("trial", "name", "layer"),
    since=8,
)
SOURCES_TABLE = SqlTable(
    "sources",
    (
        # A hash of the text, so that a changed text is found.
        SqlColumn("key", "TEXT PRIMARY KEY"),
        # JSON.
        SqlColumn("text", "TEXT NOT NULL"),
    ),
    since=9,
)
SQL_TABLES = (
    TRIALS_TABLE, HISTORY_TABLE, PROGRAMS_TABLE, PLAN_TABLE, NOTES_TABLE, MEASUREMENTS_TABLE, SOURCES_TABLE
)  # fmt: skip
SQL_TABLES_BY_NAME = {table.name: table for table in SQL_TABLES}
CREATE = f"BEGIN; {' '.join(table.create for table in SQL_TABLES)} PRAGMA user_version = {FORMAT}; COMMIT;"


def migration(version: int) -> str:
    """The statements that bring a file of an older format to the present one, in one transaction."""
    return f"BEGIN; {'; '.join(_changes(version))}; PRAGMA user_version = {FORMAT}; COMMIT;"


def _changes(version: int) -> Iterator[str]:
    for table in SQL_TABLES:
        if table.since > version:
            yield table.create.removesuffix(";")
            continue
        for column in table.columns:
            if column.since > version:
                yield f"ALTER TABLE {table.name} ADD COLUMN {column.definition}"
