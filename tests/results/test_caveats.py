from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.planning.trial import Series
from bnbench.results.caveats import list_caveats
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.examples import facts, make_plan
from support.kept import compared, end, keep
from support.reestimated import reestimated
from support.stored import change

X = "nonfinite"
# Seven seeds; the best of three rates is in the middle.
GOOD = [[0.8] * 7, [0.9] * 7, [0.8] * 7]
BATCH = ["batch_normalization", {"dense": "$classes"}]


def caveats(folder: Path, *places: dict[str, list[list[Any]]], **changes: Any) -> list[str]:
    """Return the caveats of an experiment that has none but for the changes."""
    places = places or ({"plain": GOOD, "batchnorm": GOOD},)
    return list_caveats(compared(folder, *places, **({"of": facts(rows=2000), "steps": 200} | changes)))


def with_first(end: Any, rate: int = 0) -> list[list[Any]]:
    """Return GOOD with another end for the first seed at a rate."""
    return [[end, *seeds[1:]] if i == rate else seeds for i, seeds in enumerate(GOOD)]


def test_a_sound_experiment_has_no_caveat(tmp_path: Path) -> None:
    assert caveats(tmp_path) == []


def test_failed_trials_are_counted(tmp_path: Path) -> None:
    assert caveats(tmp_path, {"plain": with_first("failed"), "batchnorm": GOOD}) == [
        "1 of 42 trials failed and are in no number here; the same command tries them again."
    ]


def test_unfinished_trials_are_counted(tmp_path: Path) -> None:
    assert caveats(tmp_path, {"plain": with_first(None), "batchnorm": GOOD}) == [
        "1 of 42 trials have not finished; the same command trains them."
    ]


def test_before_a_trial_has_finished_there_is_no_other_caveat(tmp_path: Path) -> None:
    failed, unfinished = caveats(tmp_path, {"plain": [["failed", None]]})
    assert failed.startswith("1 of 2 trials failed")
    assert unfinished.startswith("1 of 2 trials have not finished")


def test_ok_trials_that_give_all_rows_one_prediction_are_caveats(tmp_path: Path) -> None:
    """Results of earlier versions do not know the largest class, so the bound of chance is 0.404 here."""
    before = compared(tmp_path, {"plain": GOOD, "batchnorm": with_first(0.48)}, of=facts(rows=2000), steps=200)
    change(tmp_path, "UPDATE trials SET prediction_share = 0.96, majority_share = 0.4 WHERE test_accuracy = 0.48")
    # Results are read when they are opened.
    assert list_caveats(before) == []
    (caveat,) = list_caveats(Results(tmp_path))
    assert caveat == "1 trial counts as ok but gives nearly all validation rows one prediction (batchnorm at 0.01)."


@pytest.mark.parametrize("end", [X, 0.3], ids=["diverged", "at chance"])
def test_a_variant_that_trains_nowhere_has_no_best_rate_not_even_at_the_edge(tmp_path: Path, end: float | str) -> None:
    assert caveats(tmp_path, {"plain": GOOD, "layernorm": [[end] * 7] * 3}) == [
        "layernorm trains at no rate, so its best rate means nothing."
    ]


def test_a_baseline_that_trains_nowhere_sets_no_target(tmp_path: Path) -> None:
    (caveat,) = caveats(tmp_path, {"plain": [[X] * 7] * 3, "layernorm": GOOD})
    assert caveat.startswith("plain trains at no rate")
    assert "no score of it that others could reach" in caveat


def test_one_seed_that_trains_at_one_rate_is_enough(tmp_path: Path) -> None:
    assert caveats(tmp_path, {"plain": [[X] * 7, [0.9] + [X] * 6, [X] * 7]}) == []


@pytest.mark.parametrize(("seeds", "named"), [(1, "1 seed"), (2, "2 seeds")])
def test_too_few_seeds_for_an_interval_can_be_added(tmp_path: Path, seeds: int, named: str) -> None:
    (caveat,) = caveats(tmp_path, {"plain": [[0.8] * seeds, [0.9] * seeds, [0.8] * seeds]})
    assert caveat.startswith(f"{named} at every rate: there is no interval")
    assert "Add -o sweep.seeds=5" in caveat


def test_an_experiment_with_enough_planned_seeds_needs_no_more(tmp_path: Path) -> None:
    cells = [[0.8, 0.8, *[None] * 5], *GOOD[1:]]
    _, caveat = caveats(tmp_path, {"plain": cells})
    assert caveat.startswith("2 seeds at some rates")
    assert "sweep.seeds" not in caveat


def test_listed_seeds_are_not_replaced_by_a_number_of_seeds(tmp_path: Path) -> None:
    (one,) = caveats(tmp_path, {"plain": [[0.8], [0.9], [0.8]]}, sweep__seeds=[7])
    assert "sweep.seeds" not in one


def test_below_six_seeds_no_test_is_significant(tmp_path: Path) -> None:
    five = [[0.8] * 5, [0.9] * 5, [0.8] * 5]
    cells = {"plain": five, "layernorm": five}
    assert caveats(tmp_path, cells) == ["With 5 seeds no sign-flip test can reach p = 0.05; it needs 6."]
    # A single variant is compared with none.
    assert caveats(tmp_path / "alone", {"plain": cells["plain"]}) == []
    assert caveats(tmp_path / "six", {"plain": [[*seeds, 0.8] for seeds in cells["plain"]]}) == []


@pytest.mark.parametrize(("order", "best", "place"), [([1, 0, 2], "0.01", "lowest"), ([0, 2, 1], "1", "highest")])
def test_a_best_rate_at_the_edge_of_the_grid(tmp_path: Path, order: list[int], best: str, place: str) -> None:
    assert caveats(tmp_path, {"plain": GOOD, "layernorm": [GOOD[i] for i in order]}) == [
        f"The best rate of layernorm, {best}, is the {place} of the grid: a better one may be beyond it."
    ]


def test_best_rates_at_the_same_edge_share_a_sentence(tmp_path: Path) -> None:
    lowest = [GOOD[i] for i in (1, 0, 2)]
    assert caveats(tmp_path, {"plain": lowest, "layernorm": lowest}) == [
        "The best rate of plain, layernorm, 0.01, is the lowest of the grid: a better one may be beyond it."
    ]


@pytest.mark.parametrize(("gap", "wanted"), [(0.125, "12.5 points higher"), (-0.03, "3.0 points lower"), (0.02, "")])
def test_a_gap_between_the_statistics_of_batches_and_moving_ones(tmp_path: Path, gap: float, wanted: str) -> None:
    folder = compared(tmp_path, {"plain": GOOD, "layernorm": GOOD}).folder
    change(
        folder,
        "UPDATE trials SET bn_mode_gap = ? WHERE id IN (SELECT trial FROM plan WHERE variant = 'layernorm')",
        [gap],
    )
    of_statistics = [caveat for caveat in list_caveats(Results(folder)) if "statistics" in caveat]
    assert len(of_statistics) == bool(wanted)
    assert all(caveat.startswith("layernorm: ") and wanted in caveat for caveat in of_statistics)


def test_the_gap_has_the_one_of_re_estimated_statistics_next_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = {"plain": GOOD, "layernorm": GOOD}
    found = list_caveats(reestimated(tmp_path, monkeypatch, cells, "layernorm", 0.05))
    (caveat,) = [one for one in found if "statistics" in one]
    assert "12.5 points higher" in caveat
    assert caveat.endswith("With statistics re-estimated over the training part it changes by +5.0 points.")


def test_a_grid_of_one_rate_has_no_edge(tmp_path: Path) -> None:
    assert caveats(tmp_path, {"plain": GOOD[:1]}) == []


def test_further_axes_are_named(tmp_path: Path) -> None:
    assert caveats(tmp_path, {"plain": GOOD}, {"plain": GOOD[::-1]}, {"plain": GOOD[1:] + GOOD[:1]}) == [
        "The best rate of plain (units 6), 0.01, is the lowest of the grid: a better one may be beyond it."
    ]


def test_a_wide_gap_between_rates_may_hide_a_better_one(tmp_path: Path) -> None:
    assert caveats(tmp_path, {"plain": GOOD}, sweep__learning_rate=[0.01, 0.1, 10.0]) == [
        "Neighboring rates are up to 100 times apart (0.1 and 10): no rate between them was tried."
    ]
    assert caveats(tmp_path / "near", {"plain": GOOD}, sweep__learning_rate=[0.1, 0.2, 2.0]) == []


def test_few_rows_to_validate_on_make_coarse_accuracies(tmp_path: Path) -> None:
    assert caveats(tmp_path, {"plain": GOOD}, of=facts(rows=500)) == [
        "Validation has 100 rows: one row more or less is 1 points of accuracy."
    ]
    # 300
    assert caveats(tmp_path / "more", {"plain": GOOD}, of=facts(rows=1500)) == []


def test_rates_that_were_chosen_on_the_test_rows(tmp_path: Path) -> None:
    (one,) = caveats(tmp_path, {"plain": GOOD}, data__split={"validation": "test", "test": 0.2})
    assert one.startswith("Validation and test are the same rows")


def test_rows_in_the_order_of_the_file_are_one_split_for_all_seeds(tmp_path: Path) -> None:
    one, two = caveats(tmp_path, {"plain": GOOD}, data__split__order="file")
    assert one.startswith("With data.split.order: file all seeds share one split")
    assert two.startswith("All seeds have the same test rows")


def test_an_official_test_part_is_the_same_for_all_seeds(tmp_path: Path) -> None:
    split = {"validation": 0.1}
    (one,) = caveats(tmp_path / "official", {"plain": GOOD}, of=facts(rows=5000, test_rows=1000), data__split=split)
    assert "every interval of a test score is about these rows" in one
    assert caveats(tmp_path / "drawn", {"plain": GOOD}, of=facts(rows=5000), data__split=split) == []


def test_losses_of_standardized_targets_have_another_unit(tmp_path: Path) -> None:
    numbers = {"of": facts(rows=2000, classes=0), "train__loss": "mse", "data__target_scale": "standard"}
    layers = {"layers": [{"dense": 4}, "norm", {"dense": 1}]}
    (one,) = caveats(tmp_path, {"plain": GOOD}, model=layers, **numbers)
    assert one.startswith("Losses are of standardized targets (data.target_scale): 1 is one standard deviation")


def test_losses_may_be_weighted_in_the_training_part_only(tmp_path: Path) -> None:
    (one,) = caveats(tmp_path, {"plain": GOOD}, train__class_weight="balanced")
    assert one.startswith("Losses of training rows are weighted by class (train.class_weight)")


@pytest.mark.parametrize(("count", "said"), [(0.0, []), (12.0, ["For each seed, 12 rows of the data are in no part"])])
def test_rows_that_groups_leave_out_are_counted(tmp_path: Path, count: float, said: list[str]) -> None:
    trial = compared(tmp_path, {"plain": GOOD, "batchnorm": GOOD}, of=facts(rows=2000), steps=200).trials["trial"][0]
    with store.open_for_writing(tmp_path) as opened:
        made = make_plan(facts(rows=2000), sweep__learning_rate=[0.01], sweep__seeds=7).trials[0]
        series = Series("left_out_rows", "", "rows", np.zeros(1), np.array([count]))
        opened.add(replace(end(replace(made, id=trial), 0.8, steps=200), measurements=(series,)))
    assert [one.partition(":")[0] for one in list_caveats(Results(tmp_path))] == said


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"data__shift_test": {"brightness": 0.4}}, "shifted by +40% of the range"),
        ({"sweep__grid": {"data.shift_test.brightness": [-0.4, 0, 0.4]}}, "shifted by -40%, +40% of the range"),
    ],
    ids=["one", "axis"],
)
def test_shifted_test_rows_are_named(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    images = facts((8, 8, 1), rows=2000)
    layers = {"layers": ["flatten", "norm", {"dense": "$classes"}]}
    places = [{"plain": GOOD}] * (3 if "sweep__grid" in changes else 1)
    (one,) = caveats(tmp_path, *places, of=images, model=layers, **changes)
    assert named in one
    assert "no other row was" in one


def warmth(folder: Path, steps: int, **changes: Any) -> list[str]:
    """Return the caveats about moving statistics, with batchnorm as Keras has it."""
    variants = {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}}
    return [one for one in caveats(folder, steps=steps, **({"variants": variants} | changes)) if "moving" in one]


def test_the_start_of_moving_statistics_weighs_37_percent_after_100_steps(tmp_path: Path) -> None:
    (caveat,) = warmth(tmp_path, 100)
    assert caveat.startswith(
        "batchnorm: after 100 steps its moving statistics (momentum 0.99) are still 37% of their initial values"
    )


def test_after_500_steps_the_start_is_forgotten(tmp_path: Path) -> None:
    # 0.99**500 = 0.0066
    assert warmth(tmp_path, 500) == []


@pytest.mark.parametrize(
    "layers",
    [
        [*BATCH],
        [{"batch_normalization": {"axis": -1}}, {"dense": "$classes"}],
        ["BatchNormalization", {"dense": "$classes"}],
        [{"repeat": {"times": 2, "layers": [{"batch_normalization": {"momentum": 0.99}}]}}, {"dense": "$classes"}],
        [{"batch_normalization": {"momentum": "$m"}}, {"dense": "$classes"}],
    ],
    ids=str,
)
def test_a_batch_normalization_in_a_list_of_layers_is_found(tmp_path: Path, layers: list[Any]) -> None:
    variants = {"plain": {"norm": "none"}, "batchnorm": {"layers": layers}}
    model = {"params": {"m": 0.99}, "layers": [{"dense": "$classes"}, {"leaky_relu": "$m"}]}
    (one,) = warmth(tmp_path, 100, variants=variants, model=model)
    assert "(momentum 0.99) are still 37%" in one


def test_of_several_the_slowest_counts(tmp_path: Path) -> None:
    layers = [{"batch_normalization": {"momentum": 0.5}}, "batch_normalization", {"dense": "$classes"}]
    variants = {"batchnorm": {"layers": layers}}
    (one,) = caveats(tmp_path, {"batchnorm": GOOD}, steps=100, variants=variants, model={"layers": [*BATCH]})
    assert "37%" in one


def momentum_swept(folder: Path, *momenta: float, **variant: Any) -> list[str]:
    place = {"plain": GOOD, "batchnorm": GOOD}
    return caveats(
        folder, place, place, steps=100, model__params={"units": 6, "m": 0.5},
        variants={"plain": {"norm": "none"}, "batchnorm": {"norm": {"batch": {"momentum": "$m"}}, **variant}},
        sweep__grid={"model.params.m": list(momenta)},
    )  # fmt: skip


def test_a_momentum_that_is_swept_is_that_of_the_axis_where_it_is_worst(tmp_path: Path) -> None:
    (one,) = momentum_swept(tmp_path, 0.5, 0.99)
    assert one.startswith("batchnorm (m 0.99): after 100 steps ")
    assert momentum_swept(tmp_path / "fast", 0.5, 0.6) == []


def test_a_momentum_may_be_a_number_of_the_model(tmp_path: Path) -> None:
    variants = {"batchnorm": {"norm": {"batch": {"momentum": "$m"}}}}
    changes = {"variants": variants, "steps": 100}
    (one,) = caveats(tmp_path, {"batchnorm": GOOD}, model__params={"units": 6, "m": 0.99}, **changes)
    assert "37%" in one
    variants["batchnorm"]["params"] = {"m": 0.5}
    assert caveats(tmp_path / "own", {"batchnorm": GOOD}, model__params={"units": 6, "m": 0.99}, **changes) == []


def test_what_diverged_has_no_statistics_to_warm(tmp_path: Path) -> None:
    cells = {"plain": GOOD, "batchnorm": [[X] * 7] * 3}
    (one,) = caveats(tmp_path, cells, steps=100)
    assert one.startswith("batchnorm trains at no rate")


def test_statistics_that_make_no_difference_are_warm_enough(tmp_path: Path) -> None:
    assert len(warmth(tmp_path, 100)) == 1
    change(tmp_path, "UPDATE trials SET bn_mode_gap = 0.0")
    assert not [one for one in list_caveats(Results(tmp_path)) if "moving" in one]


def test_a_momentum_of_1_never_forgets(tmp_path: Path) -> None:
    (one,) = warmth(tmp_path, 500, variants={"plain": {}, "batchnorm": {"norm": {"batch": {"momentum": 1.0}}}})
    assert one.endswith(
        "still 100% of their initial values, so validation may say little about the network. Use a smaller momentum."
    )


@pytest.mark.parametrize("frozen", ["norm", "layers"])
def test_a_frozen_normalization_has_nothing_to_warm_up(tmp_path: Path, frozen: str) -> None:
    layers = [{"batch_normalization": {"trainable": False}}, {"dense": "$classes"}]
    own = {"norm": {"batch": {"trainable": False}}} if frozen == "norm" else {"layers": layers}
    # 45 training rows in batches of 11 leave one row over, which a frozen normalization does not notice.
    (one,) = [
        one
        for one in caveats(
            tmp_path, steps=4, of=facts(), train__batch_size=11, variants={"plain": {}, "batchnorm": own}
        )
        if "batch" in one
    ]
    assert one.startswith("The batch normalization of batchnorm is frozen (trainable: false)")


# The digits of the package are images.
FLAT = {"layers": ["flatten", {"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": "$classes"}],
        "params": {"units": 6}}  # fmt: skip


def test_a_last_batch_of_one_row_is_named_with_its_cures(tmp_path: Path) -> None:
    changes = {"of": facts(rows=2001), "train__batch_size": 50, "model": FLAT}
    (one,) = caveats(tmp_path, **changes)
    assert one.startswith("batchnorm: the last step of each epoch has 1 row (1,201 rows in batches of 50)")
    assert "another batch_size, as 51" in one
    assert caveats(tmp_path / "other", **changes | {"train__batch_size": 51}) == []
    # A convolution, and here a dense layer at each pixel, has many values in one row.
    assert caveats(tmp_path / "pixels", of=facts(rows=2001), train__batch_size=50) == []


def test_the_batch_size_may_be_an_axis_or_that_of_a_variant(tmp_path: Path) -> None:
    place = {"plain": GOOD, "batchnorm": GOOD}
    (one,) = caveats(
        tmp_path, place, place, model=FLAT, of=facts(rows=2001), sweep__grid={"train.batch_size": [50, 51]}
    )
    assert one.startswith("batchnorm (batch_size 50): the last step")
    own = {"plain": {}, "batchnorm": {"norm": {"batch": {"momentum": 0.9}}, "train": {"batch_size": 1}}}
    (one,) = caveats(tmp_path / "own", of=facts(rows=2000), variants=own, model=FLAT)
    assert one.startswith("batchnorm: each step has 1 row")


@pytest.mark.parametrize(
    "cells", [[[0.9] * 7] * 3, [[1.0] * 7, *[[0.9] * 7] * 2]], ids=["another rate is as good", "nothing is better"]
)
def test_an_edge_of_the_grid_beyond_which_nothing_can_be_better(tmp_path: Path, cells: list[list[float]]) -> None:
    assert caveats(tmp_path, {"plain": cells}) == []


ENDS = [{"dense": {"units": "$classes", "activation": "sigmoid"}}]


@pytest.mark.parametrize("layers", [ENDS, [{"dense": "$classes"}, {"activation": "sigmoid"}]], ids=str)
@pytest.mark.parametrize("name", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_a_sigmoid_that_the_loss_leaves_out(tmp_path: Path, layers: list[Any], name: str) -> None:
    variants = {"plain": {"norm": "none"}, "batchnorm": {"layers": layers}}
    assert caveats(tmp_path, variants=variants, train__loss={name: {"from_logits": False}}) == [
        f"The last sigmoid of batchnorm is not part of the loss: Keras' {name} takes the input of the sigmoid and "
        "computes a softmax. Add `rescaling: 1` behind it to keep it."
    ]


@pytest.mark.parametrize(
    ("layers", "loss"),
    [
        ([*ENDS, {"rescaling": 1}], {"categorical_crossentropy": {"from_logits": False}}),
        (ENDS, "categorical_hinge"),
    ],
    ids=str,
)
def test_a_sigmoid_that_the_loss_takes(tmp_path: Path, layers: list[Any], loss: Any) -> None:
    variants = {"plain": {"norm": "none"}, "batchnorm": {"layers": layers}}
    assert caveats(tmp_path, variants=variants, train__loss=loss) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "config.yaml is missing."),
        ("a: [", "config.yaml:1:5: not YAML"),
        ("name: other", "This version cannot read the whole config: config.yaml:1:1: data: missing (and 4 more)."),
    ],
    ids=["missing", "not YAML", "not an experiment"],
)
def test_a_config_that_cannot_be_read_is_the_first_caveat(tmp_path: Path, text: str | None, problem: str) -> None:
    folder = keep(tmp_path, [0.8, 0.9], steps=1)
    if text is None:
        (folder / results_dir.CONFIG).unlink()
    else:
        (folder / results_dir.CONFIG).write_text(text, encoding="utf-8")
    first, unfinished, seeds, rows = list_caveats(Results(folder))
    assert problem in first
    assert unfinished.startswith("6 of 8 trials have not finished")
    assert seeds.startswith("2 seeds at every rate")
    assert rows == "Validation has 15 rows: one row more or less is 6.67 points of accuracy."


def test_the_config_of_another_experiment_raises_nothing(tmp_path: Path) -> None:
    compared(tmp_path, {"plain": GOOD, "batchnorm": GOOD}, steps=1)
    text = (tmp_path / results_dir.CONFIG).read_text(encoding="utf-8").replace("batchnorm:", "other:")
    text = text.replace("grid: {}", "grid: {model.params.units: [4, 6]}")
    (tmp_path / results_dir.CONFIG).write_text(text, encoding="utf-8")
    sentences = list_caveats(Results(tmp_path))
    assert sentences[-1].startswith("Validation has 15 rows")
    assert not [one for one in sentences if "moving" in one]


def test_the_most_serious_comes_first(tmp_path: Path) -> None:
    cells = {"plain": [[X], [X]], "batchnorm": [[0.8], [0.9]]}
    starts = [
        "plain trains at no rate",
        "batchnorm: after 6 steps",
        "1 seed at every",
        "The best rate of",
        "Validation",
    ]
    sentences = list_caveats(compared(tmp_path, cells))
    assert all(one.startswith(start) for one, start in zip(sentences, starts, strict=True))


def test_scaled_values_that_are_far_away_are_a_caveat_with_their_number(tmp_path: Path) -> None:
    plan = compared(tmp_path, {"plain": GOOD, "batchnorm": GOOD}, of=facts(rows=2000), steps=200).trials
    with store.open_for_writing(tmp_path) as opened:
        for trial, count, distance in ((plan["trial"][0], 3.0, 61.5), (plan["trial"][1], 12.0, 55.0)):
            far = [
                Series(name, "", "", np.zeros(1), np.array([value]))
                for name, value in (("far_values", count), ("farthest_value", distance))
            ]
            made = make_plan(facts(rows=2000), sweep__learning_rate=[0.01], sweep__seeds=7).trials[0]
            opened.add(replace(end(replace(made, id=trial), 0.8, steps=200), measurements=tuple(far)))
    (caveat,) = list_caveats(Results(tmp_path))
    assert caveat.startswith("`scale: standard` puts up to 12 values")
    assert "more than 50 standard deviations" in caveat
    assert "61.5" in caveat
    # The range of a column of a float table is as narrow in training as its standard deviation.
    assert "`scale: unit` avoids this for data stored as whole numbers" in caveat
    assert caveat.endswith("so leave that column out.")
