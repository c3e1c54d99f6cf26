"""Runs for TensorBoard, read back with TensorBoard's own reader of records."""

import math
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from bnbench.commands.open import open_results
from bnbench.report.exports.tensorboard import FILE, export, run_names
from support.kept import compared, keep

pytest.importorskip("tensorboard")

CELLS = {"plain": [[0.8, "failed"], ["nonfinite", 0.9]], "batchnorm": [[0.9, 0.95], [0.9, 0.9]]}


@pytest.fixture(autouse=True, scope="module")
def _without_tensorflow() -> Iterator[None]:
    """Let TensorBoard read files by itself. To import TensorFlow takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tensorboard.compat.notf", types.ModuleType("notf"))
        yield
    # Its modules would go on without TensorFlow, and a training with the callback TensorBoard would fail.
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        if not name.endswith("_pb2"):
            del sys.modules[name]


def events(path: Path) -> Iterator[object]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    return iter(EventFileLoader(str(path)).Load())


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return (step, value) by tag."""
    from tensorboard.util.tensor_util import make_ndarray

    found: dict[str, list[tuple[int, float]]] = {}
    for event in events(path):
        for value in event.summary.value:  # type: ignore[attr-defined]
            if not value.tag.startswith("_hparams_"):
                found.setdefault(value.tag, []).append((event.step, make_ndarray(value.tensor).item()))  # type: ignore[attr-defined]
    return found


def hparams(path: Path) -> dict[str, object]:
    """Return the messages of the HParams plugin by their kind."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    messages = [
        HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for event in events(path)
        for value in event.summary.value  # type: ignore[attr-defined]
        if value.tag.startswith("_hparams_")
    ]
    return {kind: getattr(one, kind) for one in messages if (kind := one.WhichOneof("data"))}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tensorboard")
    results = compared(folder / "results", CELLS)
    (folder / "runs").mkdir()
    export(results, folder / "runs")
    return folder / "runs"


def test_each_trial_is_a_run_with_its_curves_and_final_values(runs: Path) -> None:
    assert len(list(runs.iterdir())) == 1 + 8
    found = scalars(runs / "plain lr=0.01 seed=0" / FILE)
    assert found["validation_score"] == [(0, pytest.approx(1 / 3)), (6, pytest.approx(0.8))]
    # The untrained model has no training loss.
    assert found["train_loss"] == [(6, 0.5)]
    assert found["final/test_score"] == [(6, pytest.approx(0.8))]
    assert "final/seconds_per_step" not in found


def test_a_trial_that_became_not_finite_ends_in_nan_where_that_happened(runs: Path) -> None:
    found = scalars(runs / "plain lr=0.1 seed=0" / FILE)
    (start, first), (step, last) = found["validation_loss"]
    assert (start, first, step) == (0, pytest.approx(1.1), 2)
    assert math.isnan(last)
    assert [math.isnan(value) for _, value in found["final/test_loss"]] == [True]


def test_a_failed_trial_has_settings_and_its_status_but_no_values(runs: Path) -> None:
    path = runs / "plain lr=0.01 seed=1" / FILE
    assert scalars(path) == {}
    found = hparams(path)
    assert found["session_end_info"].status == 2  # type: ignore[attr-defined]  STATUS_FAILURE
    settings = found["session_start_info"].hparams  # type: ignore[attr-defined]
    assert (settings["variant"].string_value, settings["learning_rate"].number_value) == ("plain", 0.01)


def test_the_page_hparams_knows_settings_and_metrics(runs: Path) -> None:
    experiment = hparams(runs / FILE)["experiment"]
    infos = {info.name: info for info in experiment.hparam_infos}  # type: ignore[attr-defined]
    assert set(infos) == {"variant", "learning_rate", "seed", "outcome"}
    assert infos["learning_rate"].domain_interval.max_value == 0.1
    metrics = [info.name.tag for info in experiment.metric_infos]  # type: ignore[attr-defined]
    assert "final/test_score" in metrics


def test_no_tensorflow_is_imported_and_no_machine_is_named(runs: Path) -> None:
    import socket

    assert {path.name for path in runs.rglob("events*")} == {FILE}
    assert all(socket.gethostname().encode() not in path.read_bytes() for path in runs.rglob("events*"))


def test_a_second_export_replaces_the_first_and_keeps_other_runs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    export(open_results(keep(tmp_path / "a", [0.8, 0.9])), out)
    other = out / "plain lr=0.01 seed=1" / "events.out.tfevents.1.host"
    other.touch()
    export(open_results(keep(tmp_path / "b", [0.8])), out)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("events*")) == [
        FILE, f"plain lr=0.01 seed=0/{FILE}", f"plain lr=0.01 seed=1/{other.name}",
    ]  # fmt: skip


def test_the_name_of_a_run_is_a_safe_folder_and_unique(tmp_path: Path) -> None:
    grid = {"model.params.units": [4, 5]}
    trials = open_results(keep(tmp_path, [0.8, 0.9], sweep__grid=grid)).trials
    assert run_names(trials)[0] == "plain units=4 lr=0.01 seed=0"
    odd = trials.assign(variant="../a/b" * 20)
    names = run_names(odd)
    assert len(set(names)) == len(names)
    assert not any("/" in name or len(name) > 80 for name in names)
