"""What results in git say, computed again from their tables with pandas and SciPy alone, without bnbench."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

ROOT = Path(__file__).parents[1]
# They have different data, grids and kinds of claims.
RECOMPUTED = ("cifar10-sigmoid-short", "cross-entropy", "letter-mlp")
RECORDED = sorted(path.parent for path in (ROOT / "results").glob("*/trials.csv"))
PACKED = sorted((ROOT / "results").glob("*/history.csv.xz"))
SCORES = ("train_score", "validation_score", "test_score")
DIVERGED = ("blown", "nonfinite")


def read_trials(folder: Path) -> pd.DataFrame:
    """The trials that did not fail. A diverged one has chance as its scores and its initial loss as its losses."""
    trials = pd.read_csv(folder / "trials.csv", dtype={"variant": str}, keep_default_na=False, na_values=[""])
    trials = trials[trials["status"] != "failed"].copy()
    diverged = trials["outcome"].isin(DIVERGED)
    for part in ("train", "validation", "test"):
        trials[f"{part}_score"] = trials[f"{part}_score"].mask(diverged, trials["chance"])
        trials[f"{part}_loss"] = trials[f"{part}_loss"].mask(diverged, trials["initial_loss"])
    return trials


def axes(trials: pd.DataFrame) -> list[str]:
    names = list(trials.columns)
    return names[names.index("seed") + 1 : names.index("status")]


def best_rates(trials: pd.DataFrame, variant: str) -> dict[Any, float]:
    """For each seed the rate with the highest mean validation score of the other seeds, the lowest of several."""
    own = trials[trials["variant"] == variant]
    validation = own.pivot(index="seed", columns="learning_rate", values="validation_score")
    means = {seed: validation.drop(index=seed).mean() for seed in validation.index}
    return {seed: float(mean.index[mean >= mean.max() - 1e-9][0]) for seed, mean in means.items()}


def per_seed(trials: pd.DataFrame, variant: str, metric: str, at: object) -> tuple["pd.Series[float]", bool]:
    """A score of each seed, at a rate or at the best one, and whether the seeds are judged at different rates."""
    own = trials[trials["variant"] == variant]
    if at in (None, "best"):
        best = best_rates(trials, variant)
        table = own.pivot(index="seed", columns="learning_rate", values=metric)
        return pd.Series({seed: table.loc[seed, rate] for seed, rate in best.items()}), len(set(best.values())) > 1
    return own[np.isclose(own["learning_rate"].to_numpy(), float(str(at)), rtol=0.02)].set_index("seed")[metric], False


def t_interval(values: "pd.Series[float]", differ: bool) -> tuple[float, float, float]:
    """Student's t; wider where seeds are judged at different rates (docs/explanation/coverage.md)."""
    n = len(values)
    half = stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n) * (1 + 0.18 * np.log(n) if differ else 1)
    return values.mean(), values.mean() - half, values.mean() + half


def claims_of(folder: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each claim on scores: as the experiment asks it, and its row of claims.csv."""
    asked = yaml.safe_load((folder / "config.yaml").read_text())["claims"]
    rows = pd.read_csv(folder / "claims.csv", dtype={"of": str, "over": str}, keep_default_na=False)
    found = [
        (claim, {str(column): cell for column, cell in row.items()})
        for claim, row in zip(asked, rows.to_dict("records"), strict=True)
    ]
    kinds = ("difference", "value")
    return [(claim, row) for claim, row in found if row["metric"] in SCORES and row["bound"].startswith(kinds)]


@pytest.mark.parametrize("name", RECOMPUTED)
def test_estimates_and_intervals_of_claims(name: str) -> None:
    folder = ROOT / "results" / name
    trials, compared = read_trials(folder), claims_of(folder)
    for claim, row in compared:
        values, differ = per_seed(trials, row["of"], row["metric"], claim.get("at"))
        if row["bound"].startswith("difference"):
            others, others_differ = per_seed(trials, row["over"], row["metric"], claim.get("at"))
            values, differ = values - others, differ or others_differ
        expected = [float(row[column]) for column in ("estimate", "low", "high")]
        assert t_interval(values, differ) == pytest.approx(expected, abs=1e-12), claim["text"]
        assert len(values) == int(row["n"])
    assert len(compared) >= 2


def test_published_values_stand_next_to_our_means() -> None:
    folder = ROOT / "results" / "letter-mlp"
    trials, rows = read_trials(folder), pd.read_csv(folder / "published.csv")
    assert len(rows) == 4
    for row in rows.to_dict("records"):
        mean, low, high = t_interval(*per_seed(trials, row["variant"], row["metric"], "best"))
        assert (mean, low, high) == pytest.approx((row["mean"], row["low"], row["high"]), abs=1e-12)
        assert row["difference"] == pytest.approx(mean - row["published"], abs=1e-12)


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_the_summary_of_every_rate(folder: Path) -> None:
    trials = read_trials(folder)
    summary = pd.read_csv(folder / "summary.csv", dtype={"variant": str}, keep_default_na=False, na_values=[""])
    keys = ["variant", *axes(trials), "learning_rate"]
    groups = trials.groupby(keys, sort=False, dropna=False)
    wanted = summary.set_index(keys)
    assert len(wanted) == groups.ngroups > 0
    for measure in [*SCORES, "test_loss"]:
        mean, sd = groups[measure].mean(), groups[measure].std(ddof=1)
        for kind, values in (("mean", mean), ("sd", sd)):
            pd.testing.assert_series_equal(
                wanted[f"{measure}_{kind}"].sort_index(), values.sort_index(), check_names=False, check_dtype=False
            )
    assert groups.size().sort_index().tolist() == wanted["n"].sort_index().tolist()


@pytest.mark.parametrize("path", PACKED, ids=lambda path: path.parent.name)
def test_the_last_epoch_of_the_packed_history_is_the_end_of_each_trial(path: Path) -> None:
    trials = read_trials(path.parent)
    kept = trials[~trials["outcome"].isin(DIVERGED) & trials["restored_epoch"].isna()]
    last = pd.read_csv(path).sort_values("epoch").groupby("trial").last()
    found = last.reindex(kept["trial"])["validation_score"].to_numpy()
    assert found == pytest.approx(kept["validation_score"].to_numpy(), abs=1e-12)


def test_a_result_of_this_version_holds_its_trials() -> None:
    # Results that were made before experiments had the key `question` have no trials.
    configs = sorted((ROOT / "results").glob("*/config.yaml"))
    assert [path.parent for path in configs if "question" in yaml.safe_load(path.read_text("utf-8"))] == RECORDED


def test_at_least_one_result_has_its_history() -> None:
    assert PACKED
