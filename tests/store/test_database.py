import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bnbench.errors import ResultsError
from bnbench.results.results import Results
from bnbench.store import database, store, tables
from support import damage

JOURNAL = f"{store.DATABASE}-journal"


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of 24 trials."""
    folder = tmp_path_factory.mktemp("intact")
    damage.keep(folder)
    return folder


def copy(intact: Path, folder: Path) -> Path:
    path = folder / store.DATABASE
    path.write_bytes((intact / store.DATABASE).read_bytes())
    return path


def same(folder: Path, intact: Path) -> bool:
    return all(ours.equals(theirs) for ours, theirs in zip(damage.tables(folder), damage.tables(intact), strict=True))


def killed(code: str, *words: object) -> None:
    """Run code that kills its own process."""
    done = subprocess.run([sys.executable, "-c", f"import os, signal, sqlite3, sys\n{code}", *map(str, words)])
    assert done.returncode == -9


BROKEN = """
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 1")
connection.executescript("BEGIN; UPDATE trials SET test_loss = 9; UPDATE history SET seconds = 9")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("look", [damage.tables, damage.keep], ids=["look", "run"])
def test_the_next_command_undoes_what_a_killed_process_began(
    tmp_path: Path, intact: Path, look: Callable[[Path], object]
) -> None:
    path = copy(intact, tmp_path)
    killed(BROKEN, path)
    assert (tmp_path / JOURNAL).stat().st_size > 1000
    # The killed process has written half of it.
    assert path.read_bytes() != (intact / store.DATABASE).read_bytes()
    look(tmp_path)
    assert not (tmp_path / JOURNAL).exists()
    assert same(tmp_path, intact)


def test_a_journal_without_a_database_counts_as_no_results(tmp_path: Path, intact: Path) -> None:
    path = copy(intact, tmp_path)
    killed(BROKEN, path)
    path.unlink()
    with pytest.raises(ResultsError, match="no results here"):
        Results(tmp_path)
    damage.keep(tmp_path)
    assert same(tmp_path, intact)


@pytest.mark.parametrize("content", [b"", os.urandom(5000)], ids=["empty", "garbage"])
def test_an_invalid_journal_changes_nothing(tmp_path: Path, intact: Path, content: bytes) -> None:
    copy(intact, tmp_path)
    (tmp_path / JOURNAL).write_bytes(content)
    assert same(tmp_path, intact)


@pytest.mark.parametrize(
    ("version", "table"), [(database.FORMAT, "CREATE TABLE cookies (x)"), (0, "CREATE TABLE trials (id)")]
)
def test_a_database_of_another_program_is_refused_and_unchanged(tmp_path: Path, version: int, table: str) -> None:
    path = tmp_path / store.DATABASE
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{table}; PRAGMA user_version = {version}")
    before = path.read_bytes()
    name = table.split()[2]
    for enter in (store.open_for_reading, store.open_for_writing):
        with (
            pytest.raises(ResultsError, match=rf"not a database of bnbench \(its tables are {name}\)"),
            enter(tmp_path),
        ):
            pass
    assert path.read_bytes() == before


FOREIGN = {
    "other columns in trials": (2, "ALTER TABLE trials DROP COLUMN worker"),
    "other columns in plan": (6, "ALTER TABLE plan RENAME COLUMN seed TO step"),
    "its tables are": (5, ""),
}


@pytest.mark.parametrize("problem", FOREIGN)
def test_a_refused_database_of_an_older_format_is_not_migrated(tmp_path: Path, intact: Path, problem: str) -> None:
    path = copy(intact, tmp_path)
    version, change = FOREIGN[problem]
    with closing(sqlite3.connect(path)) as connection:
        drops = "".join(
            f"ALTER TABLE trials DROP COLUMN {column.name};"
            for column in tables.TRIALS_TABLE.columns
            if column.since > version
        )
        # Format 5 has no table of notes: one that is there came from elsewhere.
        drops += "DROP TABLE sources; DROP TABLE measurements;" + ("DROP TABLE notes;" if version < 5 else "")
        connection.executescript(f"{drops} {change}; PRAGMA user_version = {version}")
    before = path.read_bytes()
    for enter in (store.open_for_reading, store.open_for_writing):
        with pytest.raises(ResultsError, match=rf"not a database of bnbench \({problem}"), enter(tmp_path):
            pass
        assert path.read_bytes() == before


def commented(folder: Path, comment: str) -> Path:
    """An empty store whose largest table was created with a comment, as in format 1."""
    tables = database.CREATE.replace("traceback TEXT,", f"traceback TEXT,  {comment}")
    assert comment in tables
    with closing(sqlite3.connect(folder / store.DATABASE)) as connection:
        connection.executescript(tables)
    return folder


def test_a_table_with_the_comment_of_format_1_is_accepted(tmp_path: Path) -> None:
    assert Results(commented(tmp_path, "-- float32, little-endian, zlib")).planned == 0


@pytest.mark.parametrize("comment", ["-- float64, zlib", "-- float32, little-endian, zlib\n x BLOB AS (zeroblob(9)),"])
def test_a_table_with_any_other_comment_or_with_more_than_a_comment_is_refused(tmp_path: Path, comment: str) -> None:
    with pytest.raises(ResultsError, match="holds the table 'trials', which bnbench did not make"):
        Results(commented(tmp_path, comment))


def older(intact: Path, folder: Path) -> Path:
    """The store in format 2."""
    path = copy(intact, folder)
    columns = (
        "prediction_share majority_share dead_share dead_layer fitted_loss fitted_accuracy gradient_growth checksum "
        "pre_activations source"
    )
    with closing(sqlite3.connect(path)) as connection:
        drops = "".join(f"ALTER TABLE trials DROP COLUMN {column};" for column in columns.split())
        connection.executescript(
            f"{drops} DROP TABLE notes; DROP TABLE measurements; DROP TABLE sources; PRAGMA user_version = 2"
        )
    return path


MIGRATION = """
from bnbench.store import database; from bnbench.store import store
from pathlib import Path
connect = sqlite3.connect
def watched(*words, **options):
    connection = connect(*words, **options)
    connection.execute("PRAGMA cache_size = 1")  # pages go to the disk before the end
    left = [int(sys.argv[2])]
    def count(statement):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    connection.set_trace_callback(count)
    return connection
sqlite3.connect = watched
with store.open_for_writing(Path(sys.argv[1])): pass
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_migration_killed_at_any_statement_leaves_the_old_format_or_the_new(tmp_path: Path, intact: Path) -> None:
    versions = []
    for statement in (4, 9, 12, 17, 18, 99):
        path = older(intact, tmp_path)
        killed(MIGRATION, tmp_path, statement)
        with closing(sqlite3.connect(path)) as connection:
            versions.append(connection.execute("PRAGMA user_version").fetchone()[0])
            columns = {row[1] for row in connection.execute("PRAGMA table_info(trials)")}
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert ("checksum" in columns, "dead_share" in columns) == (versions[-1] == database.FORMAT,) * 2
        assert len(damage.tables(tmp_path)[0]) == 24
        damage.keep(tmp_path)
        assert len(damage.tables(tmp_path)[1]) == 24 * 11
        path.unlink()
    assert versions in ([2, 2, 2, 2, 2, database.FORMAT], [2, 2, 2, 2, database.FORMAT, database.FORMAT])


def test_a_folder_that_is_removed_or_replaced_in_use_is_an_error(tmp_path: Path, intact: Path) -> None:
    planned = damage.experiment()
    for replaced in (False, True):
        folder = tmp_path / str(replaced)
        with suppress(FileNotFoundError), store.open_for_writing(folder) as opened:
            opened.set_plan(planned)
            folder.rename(tmp_path / f"moved {replaced}")
            if replaced:
                folder.mkdir()
                copy(intact, folder)
            with pytest.raises(ResultsError, match="removed or replaced while it was in use"):
                opened.add(damage.ended(planned, 0))
    # Nothing was written into the folder that replaced it.
    assert same(folder, intact)
