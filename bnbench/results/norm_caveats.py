"""Results -> caveats about batch normalization: its batches, its moving statistics, and whether it learns them."""

from collections.abc import Container, Iterator, Sequence

import pandas as pd

from bnbench.analysis.cures import START_WEIGHT
from bnbench.analysis.labels import format_places
from bnbench.analysis.symptom_rules import MODE_GAP
from bnbench.analysis.trials import cell_label
from bnbench.config.schema import Data
from bnbench.data.access import built_in
from bnbench.model.layers import Layer
from bnbench.planning.small_batches import BATCH_NORM, Batches, describe_small_batches
from bnbench.results.results import Results
from bnbench.results.setups import learning_norms, momentum


def norm_caveats(results: Results, dead: Container[str]) -> Iterator[str]:
    """Yield sentences about batch normalization, the most serious first.

    Args:
        dead: the labels of the variants that are ok at no rate.
    """
    trials = results.trials
    yield from _small_batches(results)
    yield from _frozen(results)
    yield from _mode_gap(results, dead)
    yield from _not_warm(results, trials)


def _small_batches(results: Results) -> Iterator[str]:
    """Warn of batches of a single value behind a batch normalization, once for the variants with the same problem."""
    labels: dict[str, dict[str, list[str]]] = {}
    train_rows = results.train_rows.to_numpy()
    for label, config, part in results.cell_configs:
        shape = _row_shape(results, config.data)
        if shape:
            rows = int(train_rows[part.rows[0]])
            size = rows if config.train.batch_size == "full" else config.train.batch_size
            batches = Batches(rows, size, config.train.steps_per_epoch)
            warning = describe_small_batches(config.layers, shape, batches)
            labels.setdefault(warning, {}).setdefault(part.variant, []).append(label)
    yield from (f"{format_places(named, results.n_settings)}: {text}" for text, named in labels.items() if text)


def _row_shape(results: Results, data: Data) -> tuple[int, ...]:
    """Return the shape of a row; empty if it is unknown. That of own data is stored with the environment."""
    if spec := built_in(data):
        return spec.shape
    stored = results.environment.get("data", {})
    shape = stored.get(data.path, {}).get("shape") if isinstance(stored, dict) else None
    return tuple(shape) if isinstance(shape, list) and all(isinstance(side, int) for side in shape) else ()


def _frozen(results: Results) -> Iterator[str]:
    """Say what a batch normalization does whose statistics never change."""
    labels: dict[str, list[str]] = {}
    for label, config, part in results.cell_configs:
        if _batch_norms(config.layers) and not learning_norms(config.layers):
            labels.setdefault(part.variant, []).append(label)
    if labels:
        yield (
            f"The batch normalization of {format_places(labels, results.n_settings)} is frozen (trainable: false): it "
            "never uses the statistics of a batch and keeps the initial ones: mean 0 and variance 1, unless the config "
            "sets others."
        )


def _batch_norms(layers: Sequence[Layer]) -> list[Layer]:
    return [layer for layer in layers if layer.class_name == BATCH_NORM]


def _mode_gap(results: Results, dead: Container[str]) -> Iterator[str]:
    """Warn of moving statistics that differ from batch statistics: training and validation then see two networks."""
    gaps: dict[tuple[str, bool], list[tuple[float, str, float]]] = {}
    for row in results.variants.to_dict("records"):
        gap, label = row["bn_mode_gap"], cell_label(row, results.axes)
        if abs(gap) > MODE_GAP and label not in dead:
            found = gaps.setdefault((str(row["variant"]), bool(gap > 0)), [])
            found.append((abs(gap), label, row["reestimated_gap"]))
    for (variant, higher), found in gaps.items():
        labels = format_places({variant: [label for _, label, _ in sorted(found, reverse=True)]}, results.n_settings)
        yield (
            f"{labels}: at its best rate, validation {results.score_name} is {_points([gap for gap, *_ in found])} "
            f"points {'higher' if higher else 'lower'} with each batch's own statistics, as in training, than with the "
            f"moving ones, which score it here.{_reestimated([gap for *_, gap in found if not pd.isna(gap)])}"
        )


def _reestimated(gaps: Sequence[float]) -> str:
    """Return a sentence on statistics that were re-estimated over the training part; empty if none were."""
    if not gaps:
        return ""
    return f" With statistics re-estimated over the training part it changes by {_points(gaps, '+.1f')} points."


def _points(gaps: Sequence[float], form: str = ".1f") -> str:
    """Return the lowest and the highest of some gaps in points, or the only one."""
    lowest, highest = (format(100 * gap, form) for gap in (min(gaps), max(gaps)))
    return lowest if len(gaps) == 1 else f"{lowest} to {highest}"


def _not_warm(results: Results, trials: pd.DataFrame) -> Iterator[str]:
    """Keras' moving statistics start at mean 0 and variance 1, without a correction for the start.

    A trial whose validation score is the same with the statistics of the batches is not affected.
    """
    completed, gaps = trials["status"] == "completed", trials["bn_mode_gap"].astype(float).abs()
    affected = (completed & ~(gaps <= MODE_GAP)).to_numpy()
    worst: dict[str, tuple[float, str]] = {}
    for label, config, part in results.cell_configs:
        own = trials.iloc[part.rows[affected[part.rows]]]
        if own.empty:
            continue
        slowest = max(map(momentum, learning_norms(config.layers)), default=0.0)
        steps = int(own["steps"].min())
        fix = "Use a smaller momentum" + (" or train longer." if slowest < 1 else ".")
        sentence = (
            f"{label}: after {steps} steps its moving statistics (momentum {slowest:g}) are still "
            f"{slowest**steps:.0%} of their initial values, so validation may say little about the network. {fix}"
        )
        worst[part.variant] = max(worst.get(part.variant, (0.0, "")), (slowest**steps, sentence))
    yield from (sentence for weight, sentence in worst.values() if weight > START_WEIGHT)
