"""A results folder from a stranger is shown or refused, and cannot do any harm."""

import dataclasses
import json
import os
import re
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import bnbench
from bnbench.cli.format import format_answer, format_trials
from bnbench.cli.main import main
from bnbench.errors import ResultsError
from bnbench.planning.trial import Fault, Result
from bnbench.report import index, write
from bnbench.report.document import make_document, render_markdown
from bnbench.results import digest
from bnbench.store import repair, results_dir, store
from support import damage
from support.examples import make_plan
from support.kept import keep

MAGIC = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a results folder of 24 trials."""
    path = tmp_path / "results" / "theirs"
    damage.keep(path)
    return path


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / store.DATABASE)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


RUNS = [
    (
        "DROP TABLE notes",
        "CREATE VIEW notes AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT * FROM n",
    ),
    ("CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM trials; END",),
    ("ALTER TABLE trials ADD COLUMN big BLOB AS (zeroblob(900000000))",),
    ("ALTER TABLE plan RENAME COLUMN trial TO other",),
    ("DROP TABLE plan", "CREATE TABLE plan (number INTEGER PRIMARY KEY)"),
]


@pytest.mark.parametrize("statements", RUNS, ids=["view", "trigger", "generated", "renamed", "fewer"])
def test_a_database_that_would_run_something_is_refused(folder: Path, statements: tuple[str, ...]) -> None:
    change(folder, *statements)
    before = (folder / store.DATABASE).read_bytes()
    for enter in (store.open_for_reading, store.open_for_writing):
        with pytest.raises(ResultsError, match=r"bnbench did not make|not a database of bnbench"), enter(folder):
            pass
    if statements != RUNS[-1]:
        with pytest.raises(ResultsError, match="bnbench did not make"):
            repair.repair_database(folder)
    assert (folder / store.DATABASE).read_bytes() == before


@pytest.mark.parametrize("absolute", [True, False])
def test_a_journal_that_names_another_file_deletes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = Path("mine")
    mine.write_bytes(b"precious")
    content = (folder / store.DATABASE).read_bytes()
    size = int.from_bytes(content[16:18], "big")
    name = str(mine.absolute() if absolute else mine).encode()
    header = (MAGIC + struct.pack(">5I", 0, 0, len(content) // size, 512, size)).ljust(512, b"\0")
    named = struct.pack(">I", 0x40000000 // size + 1) + name + struct.pack(">II", len(name), sum(name)) + MAGIC
    (folder / f"{store.DATABASE}-journal").write_bytes(header + named)
    with pytest.raises(ResultsError, match=r"trials\.db-journal: names another file"):
        bnbench.open(folder)
    assert mine.read_bytes() == b"precious"
    repair.repair_database(folder)
    assert mine.read_bytes() == b"precious"


UNSEALED = "UPDATE trials SET checksum = NULL"
NO_PLAN_NOTE = "DELETE FROM notes WHERE name = 'plan'"


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE plan SET variant = CAST(variant AS BLOB) WHERE number = 1",),
        (NO_PLAN_NOTE, "UPDATE plan SET axes = '{'"),
        (NO_PLAN_NOTE, "UPDATE plan SET axes = replace(hex(zeroblob(50000)), '0', '[')"),
        (NO_PLAN_NOTE, "UPDATE plan SET axes = '[1]'"),
        (NO_PLAN_NOTE, """UPDATE plan SET axes = '{"status": 1}'"""),
        (NO_PLAN_NOTE, """UPDATE plan SET axes = '{"test_score": 1}'"""),
        (NO_PLAN_NOTE, "UPDATE plan SET learning_rate = 9e999"),
        (NO_PLAN_NOTE, "UPDATE plan SET seed = 'x'"),
        (NO_PLAN_NOTE, "UPDATE plan SET trial = '../../outside' WHERE number = 1"),
        (NO_PLAN_NOTE, "UPDATE programs SET classes = 'x'"),
        (NO_PLAN_NOTE, "UPDATE programs SET validation_rows = 0"),
    ],
    ids=lambda statements: statements[-1][:60],
)
def test_a_plan_that_bnbench_never_writes_is_refused(folder: Path, statements: tuple[str, ...]) -> None:
    change(folder, *statements)
    with pytest.raises(ResultsError, match="its plan is damaged"):
        bnbench.open(folder)
    assert repair.repair_database(folder).kept == 24


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trials SET test_accuracy = 'abc'",
        "UPDATE trials SET test_accuracy = 9e999",
        "UPDATE trials SET steps = 0.5",
        "UPDATE trials SET id = '../' || id",
        "UPDATE history SET step = 9e999",
        "UPDATE history SET train_loss = 'abc'",
    ],
)
def test_trials_that_bnbench_never_stores_are_left_out(folder: Path, statement: str) -> None:
    change(folder, UNSEALED, statement)
    with damage.warnings() as logged:
        assert bnbench.open(folder).trials.empty
    assert "damaged" in logged[0]


def test_text_of_strangers_does_not_control_a_terminal(folder: Path) -> None:
    escape = "\x1b]0;pwned\x07"
    change(folder, NO_PLAN_NOTE, f"UPDATE plan SET variant = 'a{escape}' WHERE variant = 'plain'")  # noqa: S608
    for words in (["show", str(folder)], ["show", "--trials", str(folder)]):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        assert "\x1b" not in done.output
        assert r"a\x1b]0;pwned\x07" in done.output
    change(folder, f'CREATE TABLE "{escape}" (x)', "DROP TABLE plan")
    done = CliRunner().invoke(main, ["show", str(folder)])
    assert done.exit_code == 2
    assert "\x1b" not in done.output


@pytest.mark.parametrize("name", ["plots", "plots/rates.png", "models", "checkpoints/x.keras"])
def test_no_file_is_written_through_a_link(folder: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(outside)
    with pytest.raises(ResultsError, match=f"{name}: a link"):
        write.write_report(folder, ("png",))
    assert not list(outside.iterdir())


def test_a_link_in_place_of_a_temporary_file_is_replaced(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    (folder / f".{results_dir.RUN}.part").symlink_to(mine)
    write.write_report(folder, ("png",))
    assert mine.read_text() == "precious"
    assert digest.read_digest(folder) is not None


RUN = {"name": "x", "title": "", "planned": 1, "ended": 1, "failed": 0, "seconds": 1}
CLAIM = {
    "text": "t", "metric": "ok", "of": "a", "over": "", "bound": "", "verdict": "supported", "reason": "",
    "estimate": 1, "low": 1, "high": 1, "n": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("run", "claim"),
    [({"seconds": 10**400}, {}), ({"planned": -1}, {}), ({}, {"verdict": "<img src=x>"}), ({}, {"n": "9" * 400})],
    ids=["seconds", "planned", "verdict", "n"],
)
def test_a_digest_that_bnbench_never_writes_is_refused(
    tmp_path: Path, run: dict[str, int], claim: dict[str, str]
) -> None:
    results_dir.write_text(tmp_path / results_dir.RUN, json.dumps(RUN))
    results_dir.write_tables(tmp_path, {"claims": pd.DataFrame([CLAIM])})
    assert digest.read_digest(tmp_path) is not None
    results_dir.write_text(tmp_path / results_dir.RUN, json.dumps(RUN | run))
    results_dir.write_tables(tmp_path, {"claims": pd.DataFrame([CLAIM | claim])})
    with pytest.raises(ResultsError, match=r"'<img src=x>' is not a verdict|as bnbench writes it|too large|parse"):
        digest.read_digest(tmp_path)


@pytest.mark.parametrize("name", [results_dir.RUN, results_dir.CLAIMS])
def test_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    results_dir.write_text(tmp_path / results_dir.RUN, json.dumps(RUN))
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(ResultsError, match="not a file"):
        digest.read_digest(tmp_path)


def test_a_retry_that_fails_replaces_nothing(tmp_path: Path) -> None:
    keep(tmp_path, [0.8, None])
    plan = make_plan()
    trials = [Result(trial.id, plan.cohorts[0].program.key, 5, fault=Fault("none left", "")) for trial in plan.trials]
    with store.open_for_writing(tmp_path) as opened:
        for failed in trials[:2]:
            opened.add(failed)
        states = opened.states()
    assert [states[trial.trial] for trial in trials[:2]] == ["completed", "failed"]
    assert bnbench.open(tmp_path).trials["validation_score"].iloc[0] == 0.8


def test_a_name_with_dollars_is_a_name(tmp_path: Path) -> None:
    name = r"u$\frac{1}$"
    model = {
        "params": {name: 8},
        "layers": [{"dense": f"${name}"}, "norm", {"activation": "relu"}, {"dense": "$classes"}],
    }
    keep(tmp_path, [0.8, 0.9], model=model, sweep__grid={f"model.params.{name}": [1, 2]})
    assert write.write_report(tmp_path, ("png", "svg"))


LONG = 100_000


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE plan SET variant = variant || ?", ("x" * LONG,)),
        ("UPDATE plan SET axes = replace(axes, 'model.params.units', ?)", ("model.params." + "x" * 1900,)),
        ("UPDATE plan SET axes = replace(axes, '4}', ?)", (f'"{"x" * 1900}"}}',)),
    ],
    ids=["variants", "an axis", "a value of an axis"],
)
def test_absurdly_long_names_are_shown_shortened_and_stay_different(
    tmp_path: Path, statement: str, values: tuple[str, ...]
) -> None:
    folder = keep(tmp_path / "long", [0.8] * 16, sweep__grid={"model.params.units": [4, 5]})
    with closing(sqlite3.connect(folder / store.DATABASE)) as connection, connection:
        connection.execute(statement, values)
        connection.execute("UPDATE notes SET checksum = ? WHERE name = 'plan'", (store.plan_checksum(connection),))
    results = bnbench.open(folder)
    assert results.trials["variant"].nunique() == 2
    assert results.trials[results.axes].drop_duplicates().shape == (2, 1)
    document = make_document(results, [])
    document = dataclasses.replace(document, config="")
    texts = (format_answer(results), format_trials(results.trials), render_markdown(document))
    words = (word for text in texts for word in re.split(r"[\s|]", text))
    assert max(map(len, words)) <= 250


def test_absurdly_long_texts_in_a_digest_are_cut(tmp_path: Path) -> None:
    environment = {"packages": {"keras": "9" * LONG}, "commit": "a" * LONG, "data": {}}
    results_dir.write_text(tmp_path / results_dir.RUN, json.dumps({**RUN, "name": "n" * LONG, "title": "t" * LONG}))
    results_dir.write_text(tmp_path / results_dir.ENVIRONMENT, json.dumps(environment))
    page = index.render_index([index.Entry("x", "x.yaml", digest.read_digest(tmp_path))])
    assert max(map(len, page.split())) <= 1000


def test_a_config_that_names_an_axis_or_a_variant_that_the_store_lacks_is_shown(tmp_path: Path) -> None:
    folder = keep(tmp_path / "x", [0.8] * 8)
    path = folder / results_dir.CONFIG
    text = path.read_text(encoding="utf-8")
    text = text.replace("batch\n      momentum: 0.9", "batch\n      momentum: $m")
    text = text.replace("grid: {}", "grid: {model.params.m: [0.5, 0.9], train.epochs: [1, 2]}")
    text = text.replace("    units: 6", "    units: 6\n    m: null").replace("baseline: plain", "baseline: other")
    text = text.replace("variants:\n", "variants:\n  other: {norm: layer}\n")
    path.write_text(text, encoding="utf-8")
    results = bnbench.open(folder)
    assert results.experiment
    assert results.experiment.baseline == "other"
    assert results.experiment.model.params["m"] is None
    assert "8 of 8 trials" in format_answer(results)
    assert "plain" in render_markdown(make_document(results, []))
