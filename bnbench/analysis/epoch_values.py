"""Trials and their histories -> a score or a loss after each epoch, as means over seeds count it."""

import pandas as pd


def values_by_epoch(trials: pd.DataFrame, history: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a row per trial and a column per epoch, in the order of the trials.

    A diverged trial counts at chance (a score) or at its initial loss (a loss) from its divergence on. A trial that
    ended early keeps its last value.

    Args:
        trials: as `scored_trials` returns them; a trial may have several rows.
        name: a score or a loss of the history.
    """
    unique = trials.drop_duplicates("trial").set_index("trial")
    own = history[history["trial"].isin(unique.index)]
    lost = own["trial"].map(unique["diverged_at_step"]).astype(float) <= own["step"]
    wide = own.assign(value=own[name].mask(lost)).pivot(index="trial", columns="epoch", values="value")
    # Pivoting sorts the trials.
    wide = wide.reindex(unique.index.intersection(wide.index, sort=False))
    return _filled(wide, unique, name)


def values_after_epoch(trials: pd.DataFrame, history: pd.DataFrame, name: str, epoch: int) -> "pd.Series[float]":
    """Return the values of one epoch, by trial, as `values_by_epoch` counts them."""
    until = history[(history["epoch"] <= epoch) & history["trial"].isin(trials["trial"])]
    missing = pd.DataFrame({"trial": until["trial"].unique(), "epoch": epoch})
    # All trials may have ended before: each gets a row of this epoch, from which its divergence can be counted.
    rows = pd.concat([until, missing]).drop_duplicates(["trial", "epoch"])
    return values_by_epoch(trials, rows, name)[epoch] if len(rows) else pd.Series(dtype=float)


def _filled(wide: pd.DataFrame, trials: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the table with the values that diverged trials and trials that ended early count with."""
    rows = trials.loc[wide.index]
    diverged = wide.isna().mul(rows["diverged_at_step"].notna(), axis=0)
    lowest = rows["initial_loss" if name.endswith("loss") else "chance"]
    return wide.ffill(axis=1).mask(diverged, pd.DataFrame(dict.fromkeys(wide.columns, lowest)))
