"""A probe is one file: a made-up probe is found, run, stored and read back, and nothing else changes."""

from pathlib import Path

import numpy as np
import pytest

from bnbench.results.results import Results
from bnbench.store import store
from bnbench.training import loop, probes
from bnbench.training.probes import registry
from bnbench.training.threads import use_threads
from support.examples import dataset, make_plan

MADE_UP = """
from collections.abc import Iterator

import numpy as np

from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    for layer in moment.compiled.model.layers:
        if hasattr(layer, "kernel"):
            yield Value("kernel_norm", float(np.linalg.norm(layer.kernel.numpy())), layer.name)
    yield Value("batch_rows", len(moment.batch), position=2.5)


PROBE = Probe("kernel_norm", "norm of each kernel", "a unit", When.AFTER_EACH_EPOCH, measure)
"""


@pytest.fixture
def _made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the file next to those of the package."""
    folder = tmp_path / "probes"
    folder.mkdir()
    (folder / "kernel_norm.py").write_text(MADE_UP)
    monkeypatch.setattr(probes, "__path__", [*probes.__path__, str(folder)])
    monkeypatch.setattr(registry, "find_probes", registry.find_probes.__wrapped__)


@pytest.mark.usefixtures("_made_up")
def test_a_made_up_probe_needs_one_file_and_is_read_back_from_the_store(tmp_path: Path) -> None:
    use_threads(1)
    plan = make_plan(train__epochs=2, train__engine="graph", train__batch_size=15, sweep__learning_rate=[0.1])
    cohort, trial = plan.cohorts[0], plan.cohorts[0].trials[0]
    rows = dataset(cohort.program.facts)
    with store.open_for_writing(tmp_path / "results") as opened:
        opened.set_plan(plan)
        saving = loop.Saving(tmp_path / "results")
        for result in loop.train_trials(cohort.program, [trial], rows, saving, lambda trial, epoch: None):
            opened.add(result)
    results = Results(tmp_path / "results")
    norms = results.measurements("kernel_norm")
    assert set(norms["trial"]) == {trial.id}
    assert set(norms["unit"]) == {"a unit"}
    assert norms["layer"].nunique() == sum(layer.class_name == "Dense" for layer in cohort.program.layers)
    first = norms[norms["layer"] == norms["layer"].iloc[0]]
    assert first["position"].tolist() == [0, 1, 2]
    start = loop.CompiledProgram(cohort.program, rows).start(trial.seed)
    assert first["value"].iloc[0] == pytest.approx(np.linalg.norm(start.state[0]))
    assert first["value"].nunique() == 3
    assert results.measurements("batch_rows")[["position", "value"]].to_numpy().tolist() == 3 * [[2.5, 15.0]]
    # The columns of the built-in probes have their values, too.
    assert results.trials["prediction_share"].notna().all()


def test_a_probe_that_a_setting_asks_for_measures_only_then() -> None:
    with_it, without = (make_plan(train__pre_activations=on).cohorts[0].program for on in (True, False))
    asked = {probe.name for probe in registry.wanted_probes(with_it)}
    assert asked - {probe.name for probe in registry.wanted_probes(without)} == {"pre_activations"}
    assert asked >= {"predictions", "dead_units", "gradient_growth", "mode_gap"}


def test_every_probe_says_what_it_measures() -> None:
    for probe in registry.find_probes():
        assert probe.measures
        assert probe.name
