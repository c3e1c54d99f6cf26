"""Renders the reference page of all metrics, as Markdown tables; `registry.py` declares them. `make docs` writes it."""

import sys
from collections.abc import Iterable
from pathlib import Path

from bnbench.analysis.registry import METRICS, Metric

PAGE = """\
# Metrics

The metrics that claims and published values may name. The records in `bnbench/analysis/registry.py` make this page: run
`make docs` after a change. [Exact definitions](../explanation/metrics.md) has the formulas, and
[claims](claims.md) says how to use a metric.

## Of a trial

Each training has a value. A claim compares the values at one learning rate, or each variant at its own best rate.

{of_trials}

## Over the learning rates

All trainings of a variant with the same seed have one value together.

{over_rates}
"""
HEAD = "| metric | meaning | unit | better | former names |\n| --- | --- | --- | --- | --- |"


def render_metrics() -> str:
    """Return the page."""
    metrics = METRICS.values()
    of_trials, over_rates = ([one for one in metrics if one.over_rates == over] for over in (False, True))
    return PAGE.format(of_trials=_table(of_trials), over_rates=_table(over_rates))


def _table(metrics: Iterable[Metric]) -> str:
    return "\n".join([HEAD, *map(_row, metrics)])


def _row(metric: Metric) -> str:
    better = "high" if metric.higher_is_better else "low"
    former = ", ".join(f"`{name}`" for name in metric.former)
    return f"| `{metric.name}` | {metric.meaning}{_condition(metric)} | {metric.unit} | {better} | {former} |"


def _condition(metric: Metric) -> str:
    """Return for which data the metric is defined, if not for all."""
    if metric.of_k:
        return " (data with more than `top_k` classes)"
    if metric.of_classes:
        return " (data with classes)"
    return " (needs a target)" if metric.needs_target else ""


def _main() -> None:
    Path(sys.argv[1]).write_text(render_metrics(), encoding="utf-8")


if __name__ == "__main__":
    _main()
