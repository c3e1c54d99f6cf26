import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.errors import ResultsError
from bnbench.planning.plan import Plan
from bnbench.planning.trial import Divergence, Epoch, Fault, FinalProbeValues, Result, Scores, Series
from bnbench.store import store
from bnbench.store.measurements import series_table
from support.examples import make_plan
from support.stored import change


def result(plan: Plan, number: int, **changes: object) -> Result:
    trial = plan.trials[number - 1]
    values: dict[str, object] = {
        "trial": trial.id,
        "program": plan.cohorts[0].program.key,
        "parameters": 57,
        "epochs": (Epoch(0, 0, None, None, 1.2, 0.3, 0.0), Epoch(1, 6, 0.9, 0.5, 0.8, 0.6, 0.25)),
        "step_losses": np.array([1.0] * 6, np.float32),
        "test": Scores(0.7, 0.65),
        "best_epoch": 1,
        "best_test": Scores(0.7, 0.65),
        "fitted": Scores(0.2, 0.95),
        "seconds": 0.5,
        "seconds_per_step": 1e-3,
        "engine": "xla",
        "worker": "pid 1",
    }
    return Result(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def plan() -> Plan:
    return make_plan()


def test_a_stored_trial_is_read_back_unchanged(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path / "tiny") as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1))
    with store.open_for_reading(tmp_path / "tiny") as opened:
        assert opened.states() == {plan.trials[0].id: "completed"}
        assert opened.planned() == 8
        (row,) = opened.trials().to_dict("records")
        assert (row["variant"], row["learning_rate"], row["seed"]) == ("plain", 0.01, 0)
        assert (row["epochs"], row["steps"], row["initial_loss"], row["train_loss"]) == (1, 6, 1.2, 0.9)
        assert (row["test_loss"], row["classes"], row["validation_rows"]) == (0.7, 3, 15)
        assert (row["fitted_loss"], row["fitted_accuracy"]) == (0.2, 0.95)
        history = opened.history()
        assert list(history.columns) == [
            "trial", "epoch", "step", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
            "seconds", *PRE_ACTIVATIONS,
        ]  # fmt: skip
        assert history[list(PRE_ACTIVATIONS)].isna().all(axis=None)
        assert history["train_loss"].isna().tolist() == [True, False]
        assert opened.step_seconds() == {plan.cohorts[0].program.key: 1e-3}


def test_every_step_loss_is_stored(tmp_path: Path, plan: Plan) -> None:
    losses = np.array([1.5, np.inf, 0.25], np.float32)
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, step_losses=losses))
        np.testing.assert_array_equal(opened.step_losses(plan.trials[0].id), losses)


@pytest.mark.parametrize("content", [b"not packed", zlib.compress(bytes(2**24)), zlib.compress(bytes(8))])
def test_a_wrong_number_of_losses_is_an_error(tmp_path: Path, plan: Plan, content: bytes) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1))
    # As formats before 6 have it.
    with closing(sqlite3.connect(tmp_path / store.DATABASE)) as connection, connection:
        connection.execute("UPDATE trials SET checksum = NULL, step_losses = ?", (content,))
    trial = plan.trials[0].id
    with (
        store.open_for_reading(tmp_path) as opened,
        pytest.raises(ResultsError, match=f"the losses of {trial} are damaged"),
    ):
        opened.step_losses(trial)


def test_a_diverged_trial_has_its_step_and_no_invented_scores(tmp_path: Path, plan: Plan) -> None:
    start = (Epoch(0, 0, None, None, 1.2, 0.3, 0.0),)
    gone = {
        "epochs": start,
        "divergence": Divergence("nonfinite", 4),
        "test": Scores(),
        "best_test": Scores(),
        "best_epoch": None,
        "step_losses": np.array([1.0, 2.0, 3.0, np.nan], np.float32),
    }
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, **gone))
        (row,) = opened.trials().to_dict("records")
    assert (row["status"], row["divergence"], row["diverged_at_step"], row["steps"]) == ("diverged", "nonfinite", 4, 4)
    assert np.isnan(row["test_loss"])
    assert np.isnan(row["train_loss"])


def test_a_blown_trial_has_all_the_steps_it_trained(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, divergence=Divergence("blown", 2)))
        (row,) = opened.trials().to_dict("records")
    assert (row["diverged_at_step"], row["steps"]) == (2, 6)


def test_number_columns_are_floats_even_without_a_known_value(tmp_path: Path, plan: Plan) -> None:
    unknown = (Epoch(0, 0, None, None, None, 0.3, 0.0),)
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, epochs=unknown, test=Scores(), divergence=Divergence("nonfinite", 1)))
        assert opened.trials()["initial_loss"].dtype == np.float64
        assert opened.history()["validation_loss"].dtype == np.float64


def test_a_trial_that_is_planned_twice_has_one_history(tmp_path: Path) -> None:
    plan = make_plan(variants={"one": {}, "two": {}})
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1))
        assert len(opened.trials()) == 2
        assert len(opened.history()) == 2


def test_an_empty_database_counts_as_no_results(tmp_path: Path) -> None:
    (tmp_path / store.DATABASE).touch()
    assert not store.has_results(tmp_path)
    with pytest.raises(ResultsError, match="no results here"), store.open_for_reading(tmp_path):
        pass
    with store.open_for_writing(tmp_path) as opened:
        assert opened.states() == {}


def test_a_database_damaged_in_the_middle_is_an_error(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        for number in range(1, 9):
            opened.add(result(plan, number, step_losses=np.random.default_rng(number).random(3000, np.float32)))
    path = tmp_path / store.DATABASE
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12288)
    path.write_bytes(content)
    with (
        pytest.raises(ResultsError, match=r"trials.db: damaged .*`bnbench repair"),
        store.open_for_reading(tmp_path) as opened,
    ):
        opened.trials()


def test_a_failed_trial_has_its_reason_until_the_next_try_replaces_it(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, epochs=(), fault=Fault("out of memory", "Traceback ...")))
        assert opened.states() == {plan.trials[0].id: "failed"}
        assert opened.trials()["reason"].tolist() == ["out of memory"]
        opened.add(result(plan, 1))
        assert opened.states() == {plan.trials[0].id: "completed"}
        assert len(opened.history()) == 2


def test_tables_show_only_the_present_plan_and_no_trial_is_lost(tmp_path: Path, plan: Plan) -> None:
    other = make_plan(sweep__learning_rate=[0.1])
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        for number in range(1, 9):
            opened.add(result(plan, number))
        opened.set_plan(other)
        assert len(opened.trials()) == 4
        assert len(opened.states()) == 8
        opened.set_plan(plan)
        assert len(opened.trials()) == 8


def test_an_interrupted_transaction_stores_nothing(tmp_path: Path, plan: Plan) -> None:
    broken = (Epoch(0, 0, None, None, 1.2, 0.3, 0.0), Epoch(1, None, 0.9, 0.5, 0.8, 0.6, 0.25))  # type: ignore[arg-type]
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        with pytest.raises(ResultsError, match="everything stored before is intact"):
            opened.add(result(plan, 1, epochs=broken))
        assert opened.states() == {}


def test_a_second_run_is_refused_and_learns_who_holds_the_folder(tmp_path: Path) -> None:
    with (
        store.open_for_writing(tmp_path),
        pytest.raises(ResultsError, match=r"in use by process \d+ on .* since"),
        store.open_for_writing(tmp_path),
    ):
        pass
    with store.open_for_writing(tmp_path):
        pass


def test_results_can_be_read_while_another_process_writes(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1))
        with store.open_for_reading(tmp_path) as reader:
            assert len(reader.states()) == 1


def test_a_folder_without_results_names_its_neighbors(tmp_path: Path) -> None:
    with store.open_for_writing(tmp_path / "leaf"):
        pass
    with (
        pytest.raises(ResultsError, match=r"no results here .* there are leaf"),
        store.open_for_reading(tmp_path / "leef"),
    ):
        pass


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\0" + b"\xff" * 200])
def test_a_damaged_database_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / store.DATABASE).write_bytes(content)
    for enter in (store.open_for_reading, store.open_for_writing):
        with pytest.raises(ResultsError, match=r"trials.db: damaged \(file is not a database\)"), enter(tmp_path):
            pass
    assert (tmp_path / store.DATABASE).read_bytes() == content


def test_a_newer_format_is_refused_and_unchanged(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / store.DATABASE)
    connection.execute("PRAGMA user_version = 99")
    connection.execute("CREATE TABLE future (x)")
    connection.close()
    with (
        pytest.raises(ResultsError, match="format 99, but this bnbench reads format 9"),
        store.open_for_writing(tmp_path),
    ):
        pass


# What came with a format, newest first: its columns of `trials`.
CAME = {
    9: ["source"],
    7: ["pre_activations"],
    6: ["checksum"],
    5: ["gradient_growth"],
    4: ["fitted_loss", "fitted_accuracy"],
    3: ["prediction_share", "majority_share", "dead_share", "dead_layer"],
    2: ["bn_mode_gap"],
}


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7, 8])
def test_an_older_format_is_read_unchanged_and_migrated_by_a_run(tmp_path: Path, plan: Plan, version: int) -> None:
    measured = {"bn_mode_gap": 0.25, "probe": FinalProbeValues(0.5, 0.25, 0.75, "dense_1"), "gradient_growth": 1.5}
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, **measured))
        new = opened.trials().iloc[0]
    later = [column for number, columns in CAME.items() if number > version for column in columns]
    lost = [column for column in later if column in new.index]
    drops = "".join(f"ALTER TABLE trials DROP COLUMN {column};" for column in later)
    tables = {"sources": 9, "measurements": 8, "notes": 6}
    drops += "".join(f"DROP TABLE {name};" for name, since in tables.items() if since > version)
    connection = sqlite3.connect(tmp_path / store.DATABASE)
    connection.executescript(f"{drops} PRAGMA user_version = {version};")
    connection.close()
    before = (tmp_path / store.DATABASE).read_bytes()
    with store.open_for_reading(tmp_path) as opened:
        old = opened.trials().iloc[0]
        assert old[lost].isna().all()
        assert old.drop(lost).equals(new.drop(lost))
    assert (tmp_path / store.DATABASE).read_bytes() == before
    with store.open_for_writing(tmp_path) as opened:
        opened.add(result(plan, 2, **measured))
    with store.open_for_reading(tmp_path) as opened:
        assert opened.trials()[lost].iloc[0].isna().all()
        assert opened.trials().iloc[1][lost].equals(new[lost].rename(1))
        assert len(opened.step_losses(plan.trials[0].id))


def test_probed_values_are_stored_and_others_stay_missing(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1))
        columns = ["prediction_share", "majority_share", "dead_share", "dead_layer"]
        assert opened.trials()[columns].isna().all(axis=None)
        assert opened.trials()[columns[:3]].dtypes.eq("float64").all()
        opened.add(result(plan, 1, probe=FinalProbeValues(0.5, 0.25, None, None)))
        assert opened.trials()["prediction_share"].tolist() == [0.5]
        opened.add(result(plan, 1, probe=FinalProbeValues(0.5, 0.25, 0.75, "dense_1")))
        assert opened.trials()[columns].to_numpy().tolist() == [[0.5, 0.25, 0.75, "dense_1"]]


def test_pre_activations_are_columns_of_the_history(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, pre_activations=((-1.5, 0.0, 1.5), (None, None, None))))
        opened.add(result(plan, 2))
    with store.open_for_reading(tmp_path) as opened:
        found = opened.history()[list(PRE_ACTIVATIONS)]
    assert found.iloc[0].tolist() == [-1.5, 0.0, 1.5]
    assert found.iloc[1:].isna().all(axis=None)


@pytest.mark.parametrize(
    "text",
    ["[[1, 2, 3]]", "no JSON", '{"a": 1}', "[[1, 2, 3], [1, 2, Infinity]]", "[[1, 2, 3], [1, 2, 1e300]]", "[" * 10**5],
)
def test_invalid_pre_activations_are_missing(tmp_path: Path, plan: Plan, text: str) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1))
    change(tmp_path, "UPDATE trials SET pre_activations = ?", [text])
    with store.open_for_reading(tmp_path) as opened:
        assert len(opened.history()) == 2
        assert opened.history()[list(PRE_ACTIVATIONS)].isna().all(axis=None)


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultsError, match="cannot be written"), store.open_for_writing(tmp_path / "file" / "leaf"):
        pass


def norms(layer: str, *values: float) -> Series:
    return Series("weight_norm", layer, "a unit", np.arange(float(len(values))), np.array(values))


def test_measurements_are_returned_by_name_in_the_order_of_the_plan(tmp_path: Path, plan: Plan) -> None:
    other = Series("sharpness", "", "", np.array([3.0]), np.array([np.nan]))
    first, second, third = (trial.id for trial in plan.trials[:3])
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 2, measurements=(norms("dense_1", 5.0), norms("dense_0", 3.0, np.inf), other)))
        opened.add(result(plan, 1, measurements=(norms("dense_0", 1.0),)))
        opened.add(result(plan, 3))
    with store.open_for_reading(tmp_path) as opened:
        table = series_table(opened.series(), "weight_norm")
        assert list(table.columns) == ["trial", "layer", "position", "value", "unit"]
        assert table.to_numpy().tolist() == [
            [first, "dense_0", 0.0, 1.0, "a unit"],
            [second, "dense_0", 0.0, 3.0, "a unit"],
            [second, "dense_0", 1.0, np.inf, "a unit"],
            [second, "dense_1", 0.0, 5.0, "a unit"],
        ]
        sharpness = series_table(opened.series(), "sharpness")
        assert sharpness["trial"].tolist() == [second]
        assert sharpness["value"].isna().all()
        assert third in opened.states()
        none = series_table(opened.series(), "unknown")
        assert len(none) == 0
        assert list(none.columns) == list(table.columns)


def test_a_new_try_replaces_measurements(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, measurements=(norms("dense_0", 1.0), norms("dense_1", 2.0))))
        opened.add(result(plan, 1, measurements=(norms("dense_1", 3.0),)))
        assert series_table(opened.series(), "weight_norm")["value"].tolist() == [3.0]


def test_a_trial_without_measurements_has_the_checksum_of_format_7(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, trial="0" * 16, program="p"))
        (checksum,) = opened._db.execute("SELECT checksum FROM trials").fetchone()
    assert checksum == "770f4c2c769a7ea80fed7bddb9a3ae38"


SET_VALUES = 'UPDATE measurements SET "values" = ?'
OTHER_ROW = "INSERT INTO measurements SELECT trial, 'other', layer, unit, positions, \"values\" FROM measurements"
DAMAGES: dict[str, tuple[str, list[object]]] = {
    "a digit of a value": (SET_VALUES, [np.array([1.0, 2.5]).tobytes()]),
    "text instead of values": (SET_VALUES, ["many"]),
    "a name": ("UPDATE measurements SET name = 'weight_gnome'", []),
    "a unit": ("UPDATE measurements SET unit = ''", []),
    "a row that is missing": ("DELETE FROM measurements", []),
    "a row too many": (OTHER_ROW, []),
    "a row of no trial": ("UPDATE measurements SET trial = 'ffffffffffffffff'", []),
}
# Somebody may have written these with a checksum that fits.
MISFITS: dict[str, tuple[str, list[object]]] = {
    "more values than positions": (SET_VALUES, [np.zeros(3).tobytes()]),
    "part of a value": ("UPDATE measurements SET positions = x'00', \"values\" = x'00'", []),
    "a position that is not finite": ("UPDATE measurements SET positions = ?", [np.array([0, np.nan]).tobytes()]),
}


@pytest.mark.parametrize("damage", [*DAMAGES, *MISFITS])
def test_a_trial_with_damaged_measurements_is_damaged(tmp_path: Path, plan: Plan, damage: str) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        opened.add(result(plan, 1, measurements=(norms("dense_0", 1.0, 2.0),)))
        opened.add(result(plan, 2))
    if damage in MISFITS:
        change(tmp_path, *MISFITS[damage])
    else:
        with closing(sqlite3.connect(tmp_path / store.DATABASE)) as connection, connection:
            connection.execute(*DAMAGES[damage])
    with store.open_for_reading(tmp_path) as opened:
        assert list(opened.states()) == [plan.trials[1].id]
        assert series_table(opened.series(), "weight_norm").empty


def test_the_device_of_a_folder_is_recorded(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.set_plan(plan)
        assert opened.device() is None
        for device in ("", "NVIDIA H100 80GB HBM3"):
            opened.set_device(device)
            assert opened.device() == device
    with closing(sqlite3.connect(tmp_path / store.DATABASE)) as connection, connection:
        connection.execute("UPDATE notes SET text = 'another card' WHERE name = 'device'")
    with store.open_for_reading(tmp_path) as opened:
        assert opened.device() is None
