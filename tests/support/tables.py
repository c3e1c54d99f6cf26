"""Made-up tables of trials and histories."""

import math

import pandas as pd

from bnbench.analysis.columns import FROM_STORED, PRE_ACTIVATIONS
from bnbench.analysis.trials import trial_table

NAN = math.nan
NONFINITE = {
    "status": "diverged",
    "divergence": "nonfinite",
    "diverged_at_step": 7,
    "test_loss": NAN,
    "test_score": NAN,
}
BLOWN = {"status": "diverged", "divergence": "blown", "diverged_at_step": 3, "train_loss": 9e9, "validation_loss": 9e9}
FAILED = {"status": "failed", "train_loss": NAN, "validation_score": NAN}


def stored(*rows: dict[str, object]) -> pd.DataFrame:
    """Return rows as the store returns them: ten classes, 900 validation rows, initial loss 2.3.

    Rows are given under the names that tables have.
    """
    default: dict[str, object] = {
        "trial": "t", "variant": "plain", "learning_rate": 0.1, "seed": 0, "axes": "{}", "status": "completed",
        "divergence": None, "diverged_at_step": None, "epochs": 5, "restored_epoch": None, "steps": 50,
        "train_loss": 0.2, "train_score": 0.9,
        "validation_loss": 0.3, "validation_score": 0.9, "test_loss": 0.4, "test_score": 0.8, "best_epoch": 4,
        "best_test_loss": 0.4, "best_test_score": 0.8, "fitted_loss": 0.1, "fitted_score": 0.95,
        "bn_mode_gap": None, "prediction_share": NAN, "majority_share": NAN, "dead_share": NAN, "dead_layer": None,
        "gradient_growth": NAN,
        "initial_loss": 2.3, "parameters": 10, "seconds": 1.0, "seconds_per_step": 0.02,
        "engine": "xla", "worker": "pid 1",
        "reason": None, "classes": 10, "train_rows": 1000, "validation_rows": 900,
    }  # fmt: skip
    stored_names = {name: stored for stored, name in FROM_STORED.items()}
    return pd.DataFrame([default | row for row in rows]).rename(columns=stored_names)


def trials(*rows: dict[str, object]) -> pd.DataFrame:
    """Return the table of trials of some rows, with an id for each trial."""
    return trial_table(stored(*({"trial": f"t{i}"} | row for i, row in enumerate(rows))))


def scores(variant: str, *by_rate: dict[float, float | None], **changes: object) -> list[dict[str, object]]:
    """Return rows of one variant: for each seed the validation score at each rate; None: it diverged."""
    return [
        {"trial": f"{variant} {rate} {seed} {changes.get('axes', '')}", "variant": variant, "learning_rate": rate}
        | {"seed": seed}
        | (NONFINITE if score is None else {"validation_score": score, "test_score": score - 0.1})
        | changes
        for seed, accuracies in enumerate(by_rate)
        for rate, score in accuracies.items()
    ]


def history(
    curves: dict[str, list[float]],
    losses: dict[str, list[float]] | None = None,
    train_losses: dict[str, list[float]] | None = None,
) -> pd.DataFrame:
    """Return epochs of ten steps and one second: the validation scores of each trial from the untrained model on."""
    rows = [
        {"trial": trial, "epoch": epoch, "step": 10 * epoch, "validation_score": accuracy, "seconds": float(epoch)}
        | {"train_loss": train_losses[trial][epoch] if train_losses else 2.3 / (1 + epoch)}
        | {"train_score": accuracy}
        | {"validation_loss": (losses or {}).get(trial, [1.0] * len(accuracies))[epoch]}
        for trial, accuracies in curves.items()
        for epoch, accuracy in enumerate(accuracies)
    ]
    columns = ["trial", "epoch", "step", "validation_score", "seconds", "train_loss", "train_score", "validation_loss"]
    return pd.DataFrame(rows, columns=[*columns, *PRE_ACTIVATIONS])
