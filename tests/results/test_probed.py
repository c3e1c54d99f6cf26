from pathlib import Path

import pandas as pd

from bnbench.planning.plan import Trial
from bnbench.planning.trial import Series
from bnbench.results.probed import at_common_rate, at_nearest_rate, probed_trials, probed_values, with_depths
from support.probed import asked, probed, series


def half_of_the_rates(trial: Trial) -> list[Series]:
    """The probe ran at the rates 0.1 and 10 only, and measured before the steps 1 to 3."""
    if trial.learning_rate not in (0.1, 10):
        return []
    values = dict.fromkeys((1.0, 2.0, 3.0), trial.learning_rate)
    return [asked("first_steps"), series("gradient_norm", values, "dense_0")]


def test_results_know_the_trials_of_a_probe_and_their_first_losses(tmp_path: Path) -> None:
    results = probed(tmp_path, half_of_the_rates)
    assert {name: len(trials) for name, trials in results.probed.items()} == {"first_steps": 12}
    trial = min(results.probed["first_steps"])
    assert set(results.measurements("gradient_norm", [trial])["trial"]) == {trial}
    assert len(results.measurements("gradient_norm")) == 36
    ok = results.trials.loc[results.trials["outcome"] == "ok", "trial"].iloc[0]
    assert results.first_losses([ok], 4) == {ok: [1.0] * 4}


def test_the_trials_of_a_probe_have_the_edge_and_the_best_rate_of_their_variant(tmp_path: Path) -> None:
    results = probed(tmp_path, half_of_the_rates)
    trials = probed_trials(results, "first_steps", 12)
    assert trials.groupby("variant")["best_rate"].first().to_dict() == {"plain": 0.01, "batchnorm": 0.1}
    assert sorted(set(trials["learning_rate"])) == [0.1, 10]
    # The best rate of plain is 0.01, at which it was not measured.
    assert set(at_nearest_rate(trials, [])["learning_rate"]) == {0.1}
    assert set(at_common_rate(results, trials)["learning_rate"]) == {0.1}
    none = probed_trials(results, "sharpness", 12)
    assert none.empty
    assert at_nearest_rate(none, []).empty
    assert at_common_rate(results, none).empty


def test_values_end_where_a_trial_diverges(tmp_path: Path) -> None:
    results = probed(tmp_path, half_of_the_rates)
    values = probed_values(results, probed_trials(results, "first_steps", 12), ["gradient_norm"])
    # Plain diverges at step 2 with a rate of 10.
    last = values.groupby(["variant", "learning_rate"])["position"].max().to_dict()
    assert last == {("plain", 0.1): 3, ("plain", 10): 2, ("batchnorm", 0.1): 3, ("batchnorm", 10): 3}


def test_norms_have_no_line_and_an_activation_has_the_depth_of_the_kernel_before_it(tmp_path: Path) -> None:
    results = probed(tmp_path, half_of_the_rates)
    names = ["dense_0", "norm_0", "activation_0", "dense_1"]
    values = pd.DataFrame({"variant": "batchnorm", "layer": names, "name": "norm"})
    values.loc[2, "name"] = "share"
    found = with_depths(results, values, "norm")
    assert found[["layer", "depth"]].values.tolist() == [["dense_0", 1], ["activation_0", 1], ["dense_1", 2]]
