"""The tables of the benchmarks. Their measurements are not tests."""

from functools import reduce
from importlib import import_module

import pandas as pd
import pytest

from benchmarks import guess, scale, start, steps, sweeps
from benchmarks.__main__ import of_scale, of_start, of_steps, of_sweeps
from benchmarks.networks import NETWORKS, Network
from benchmarks.peers import PEERS, TWO
from benchmarks.timeline import sitecustomize


def test_flops_count_forward_and_both_gradients_but_for_the_input() -> None:
    network = Network("two layers", {}, {}, 5, 1, (3,))
    # Products of 5 rows, two operations each: 2x3 for the output and the weight gradient, 3x4 for the output, the
    # weight gradient and the input gradient.
    assert network.flops(5, (2,), 4) == 2 * 5 * (2 * 6 + 3 * 12)


def test_flops_of_convolutions_shrink_with_the_pooling() -> None:
    network = Network("four convolutions", {}, {}, 1, 1, (10,), (4, 4, 8, 8))
    first, second, third, fourth = 8 * 8 * 9 * 3 * 4, 8 * 8 * 9 * 4 * 4, 4 * 4 * 9 * 4 * 8, 4 * 4 * 9 * 8 * 8
    dense = 2 * 2 * 8 * 10 + 10 * 7
    assert network.flops(1, (8, 8, 3), 7) == 2 * (2 * first + 3 * (second + third + fourth + dense))


def measured() -> pd.DataFrame:
    titles = [TWO, *(title for _, _, title in PEERS.values())]
    rows = [
        {"network": "leaf", "variant": variant, "round": number, "flops": 2e6, "limit": 100.0, "peer": title}
        | {"seconds": (1 + place) * 1e-5 * (1 + number), "start": 3.0}
        for variant in ("plain", "batchnorm")
        for number in range(3)
        for place, title in enumerate(titles)
    ]
    return pd.DataFrame(rows)


def test_steps_are_compared_round_by_round() -> None:
    table = steps.summary(measured()).set_index(["variant", "peer"]).loc["plain"]
    assert table.loc[TWO, ["microseconds", "ratio"]].tolist() == pytest.approx([20, 1])
    assert table.loc["Keras fit", ["ratio", "ratio_lowest", "ratio_highest"]].tolist() == pytest.approx([3, 3, 3])
    # The share is of two cores.
    assert table.loc[TWO, ["gflops", "share"]].tolist() == pytest.approx([100, 0.5])
    # The share is of one core.
    assert table.loc["bnbench, one trial", ["gflops", "share"]].tolist() == pytest.approx([50, 0.5])
    assert f"| {NETWORKS['leaf'].title} | plain | 20 | 40 (2.0) |" in "\n".join(of_steps(steps.summary(measured())))


def noted(pid: int, phase: str, begin: float, seconds: float) -> dict[str, object]:
    return {"pid": pid, "phase": phase, "begin": begin, "seconds": seconds}


def test_the_phases_of_the_coordinator_and_of_the_first_worker_become_a_table() -> None:
    lines = pd.DataFrame(
        [
            noted(1, "python", 100.2, 0.0), noted(1, "plan", 101.0, 0.5),
            noted(2, "python", 101.0, 0.0), noted(2, "wait", 101.4, 0.0), noted(2, "check", 103.0, 1.0),
            noted(3, "python", 101.0, 0.0), noted(3, "check", 109.0, 1.0),
            noted(2, "the first trial, other work", 104.0, 2.0), noted(3, "the first trial, other work", 110.0, 1.0),
            noted(1, "first result", 106.0, 0.0),
        ]
    )  # fmt: skip
    table = start.read_timeline(lines, 100.0).set_index(["process", "phase"])
    assert table.loc[("coordinator", "Python and bnbench")].tolist() == pytest.approx([1.0, 1.0])
    assert table.loc[("coordinator", "plan")].tolist() == pytest.approx([0.5, 1.5])
    assert table.loc[("worker", "Python and bnbench")].tolist() == pytest.approx([0.4, 1.4])
    # Another worker checks, too, but trains later.
    assert table.loc[("worker", "check")].tolist() == pytest.approx([1.0, 4.0])
    assert table.loc[("", start.ALL)].tolist() == pytest.approx([6.0, 6.0])


def test_every_phase_is_a_function_of_bnbench() -> None:
    for module, functions in sitecustomize.PHASES.items():
        for name in functions:
            assert callable(reduce(getattr, name.split("."), import_module(module))), name


def test_sweeps_and_starts_and_scale_become_tables() -> None:
    rows = [
        {"way": way, "pair": p, "seconds": s * (p + 1), "training": s}
        for p in range(2)
        for way, s in (("bnbench", 1.0), ("Keras fit", 30.0), *zip(sweeps.JOBS, (9.0, 5.0), strict=True))
    ]
    assert "| Keras fit | 45.0 (30.0-60.0) | 30.0 (30.0-30.0) | 30.0 |" in of_sweeps(sweeps.summary(pd.DataFrame(rows)))
    phases = [("worker", "check", 0.5), ("", start.ALL, 5.0)]
    rows = [
        {"experiment": "Leaf", "way": "workers, warm", "process": process, "phase": phase, "pair": p, "imported": 3.0}
        | {"seconds": seconds + p, "end": 5.0}
        for p in range(3)
        for process, phase, seconds in phases
    ]
    lines = of_start(start.summary(pd.DataFrame(rows)))
    assert "| Leaf | workers, warm | 6.0 (5.0-7.0) | 3.0 |" in lines
    assert "| worker | check | 1.50 |" in lines
    table = pd.DataFrame(
        {
            "trials": [100, 200],
            "seconds": [1.0, 1.2],
            "milliseconds_a_trial": [None, 2.0],
            "bytes_a_trial": [None, 1500.0],
            "bytes_with_report_a_trial": [None, 2500.0],
        }
    )
    assert "| 200 | 1.2 | 2.00 | 1,500 | 2,500 |" in of_scale(table)
    assert max(scale.COUNTS) == 100_000


def test_an_edge_is_where_the_mean_falls_below_halfway_from_the_best_rate_on() -> None:
    # From 0.9 at 0.1 to 0.1 at 1, the level 0.5 is in the middle on the scale of log10.
    assert guess.read_edge([0.01, 0.1, 1.0], [0.2, 0.9, 0.1], 0.5) == pytest.approx(10**-0.5)
    assert guess.read_edge([0.01, 0.1, 1.0], [0.2, 0.8, 0.9], 0.5) == guess.ABOVE
    assert guess.read_edge([0.01, 0.1, 1.0], [0.2, 0.3, 0.1], 0.5) == guess.NEVER


def test_an_offset_is_fitted_without_the_network_or_the_config_that_it_is_for() -> None:
    # The gaps are 0, 1 and 2 decades; the first two are of one config.
    found, edges = [1.0, 1.0, 1.0], [1.0, 10.0, 100.0]
    table = pd.DataFrame({"config": ["a", "a", "b"], "edge": edges, "constant": found})
    assert guess.without_own_network(table, "constant").tolist() == pytest.approx([1.5, 1, 0.5])
    assert guess.without_own_config(table, "constant").tolist() == pytest.approx([2, 2, 0.5])
    assert guess.rank_correlation(table.assign(constant=[3.0, 2.0, 1.0]), "constant") == pytest.approx(-1)


def test_the_stored_predictions_are_of_the_ten_configs() -> None:
    table = pd.read_csv(guess.RESULTS)
    assert list(dict.fromkeys(table["config"])) == list(guess.CONFIGS)
    assert len(guess.CONFIGS) == 10
    assert all((guess.REPOSITORY / "configs" / f"{config}.yaml").exists() for config in guess.CONFIGS)
    known = table[table["edge"].notna() & (table["sweep"] == "of the config")]
    # What docs/explanation/guess.md says.
    assert len(known) == 31
    assert guess.rank_correlation(known, "constant") == pytest.approx(0.90, abs=0.005)
