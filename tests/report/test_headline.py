from pathlib import Path
from typing import Any

import pytest

from bnbench.report import headline
from bnbench.report.headline import headline_sentences
from support.kept import Cells, compared

X = "nonfinite"
WELL = "Every seed trains well (outcome ok, and at most 0.05 below the best mean validation accuracy of its variant): "
PLAIN = [[0.8] * 3, [0.9] * 3, [X] * 3]
ONE: Cells = {"plain": [[0.8], [0.9]], "batchnorm": [[0.8], [0.9]]}


def against_plain(folder: Path, *accuracies: float) -> str:
    """Return the third sentence, with these accuracies of batchnorm at its best rate and 90% of plain."""
    cells: Cells = {"plain": PLAIN, "batchnorm": [[0.8] * 3, [0.7] * 3, list(accuracies)]}
    return headline_sentences(compared(folder, cells))[2]


def test_three_sentences_give_rates_scores_and_the_comparison(tmp_path: Path) -> None:
    assert headline_sentences(
        compared(tmp_path, {"plain": PLAIN, "batchnorm": [[0.8] * 3, [0.85] * 3, [0.93, 0.94, 0.95]]})
    ) == [
        f"{WELL}plain at its best rate, 0.1 (at 1, 3 of 3 seeds do not); batchnorm at its best rate, 1, the highest "
        "tried.",
        "At its own best rate each reaches, in test accuracy (mean ± SD over seeds): plain 90.0% ± 0.0 (rate 0.1), "
        "batchnorm 94.0% ± 1.0 (rate 1).",
        # 4.30 x 1 / sqrt(3)
        "batchnorm over plain: +4.0 points, 95% interval +1.5 to +6.5 (3 paired seeds): better.",
    ]


def test_an_interval_with_0_decides_nothing(tmp_path: Path) -> None:
    assert against_plain(tmp_path, 0.88, 0.9, 0.95).endswith(
        "+1.0 points, 95% interval -8.0 to +10.0 (3 paired seeds): neither shown to be better nor worse."
    )


def test_an_interval_below_0_is_worse(tmp_path: Path) -> None:
    sentences = against_plain(tmp_path, 0.83, 0.84, 0.85)
    assert sentences == "batchnorm over plain: -6.0 points, 95% interval -8.5 to -3.5 (3 paired seeds): worse."


def test_each_further_variant_is_compared_with_the_baseline(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, dict.fromkeys(("batchnorm", "plain", "layernorm"), PLAIN)))
    assert len(sentences) == 4
    assert sentences[0].count("at its best rate, 0.1 (at 1, 3 of 3 seeds do not)") == 3
    assert sentences[1].count("90.0% ± 0.0 (rate 0.1)") == 3
    assert [sentence.partition(":")[0] for sentence in sentences[2:]] == [
        "batchnorm over plain",
        "layernorm over plain",
    ]


def test_one_variant_is_compared_with_none(tmp_path: Path) -> None:
    assert len(headline_sentences(compared(tmp_path, {"plain": PLAIN}))) == 2


def trains_well(folder: Path, *rates: list[float | str | None], **changes: Any) -> str:
    """Return where plain trains well, with a list for each rate: how its seeds ended."""
    first = headline_sentences(compared(folder, {"plain": list(rates)}, **changes))[0]
    assert first.startswith(WELL)
    return first.removeprefix(WELL)


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ([0.9, 0.88, 0.86], "plain from its best rate, 0.01, to 1, the highest tried."),
        # Below the best rate nothing is judged, neither a low score nor chance nor divergence.
        ([0.75, 0.9, 0.86], "plain from its best rate, 0.1, to 1, the highest tried."),
        ([0.5, X, 0.9], "plain at its best rate, 1, the highest tried."),
        # 0.05 below the best is still well, 0.06 is not.
        ([0.9, 0.85, 0.84], "plain from its best rate, 0.01, to 0.1 (at 1, 3 of 3 seeds do not)."),
        ([0.8, 0.9, X], "plain at its best rate, 0.1 (at 1, 3 of 3 seeds do not)."),
        # What lies beyond a rate that fails does not count.
        ([0.9, X, 0.9], "plain at its best rate, 0.01 (at 0.1, 3 of 3 seeds do not)."),
        ([0.9], "plain at 0.01, the only rate tried."),
        ([0.8, 0.9, None], "plain at its best rate, 0.1, the highest tried."),
    ],
    ids=str,
)
def test_the_rates_from_the_best_one_on_at_which_every_seed_trains_well(
    tmp_path: Path, ends: list[float | str | None], wanted: str
) -> None:
    assert trains_well(tmp_path, *([end] * 3 for end in ends)) == wanted


def test_a_rate_at_which_most_trainings_collapse_is_no_rate_at_which_a_variant_trains_well(tmp_path: Path) -> None:
    """All ten seeds do better than chance (0.69) at rate 1, and eight of them lose most of what they could learn."""
    cells = [[0.9] * 10, [0.95] * 10, [0.94, 0.95, *[0.72] * 8]]
    assert trains_well(tmp_path, *cells) == "plain at its best rate, 0.1 (at 1, 8 of 10 seeds do not)."


def test_a_single_seed_that_does_not_is_enough(tmp_path: Path) -> None:
    assert trains_well(tmp_path, [0.9] * 3, [0.95] * 3, [0.95, 0.95, X]) == (
        "plain at its best rate, 0.1 (at 1, 1 of 3 seeds do not)."
    )


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_are_named(tmp_path: Path, seeds: int) -> None:
    assert trains_well(tmp_path, [0.9] * seeds, [0.9] * seeds) == (
        f"plain (n = {seeds}) from its best rate, 0.01, to 0.1, the highest tried."
    )
    # The fewest of any of the rates: two of three are unfinished at one of them.
    unfinished = trains_well(tmp_path / "one", [0.9] * 3, [0.9, None, None], [0.9] * 3)
    assert unfinished == "plain (n = 1) from its best rate, 0.01, to 1, the highest tried."


def test_if_not_every_seed_trains_well_at_the_best_rate_no_rate_is_named(tmp_path: Path) -> None:
    # .65 is chance, the mean is .82.
    assert trains_well(tmp_path, [0.75] * 3, [0.99, 0.99, 0.65]) == (
        "plain not even at 0.1, its best rate (there 1 of 3 seeds do not)."
    )
    assert trains_well(tmp_path / "one", [0.99, 0.99, 0.65]) == (
        "plain not even at 0.01, the only rate tried (there 1 of 3 seeds do not)."
    )


def test_a_diverged_trial_at_the_best_rate_counts_at_chance(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[0.5] * 3, [0.9, 0.9, X]]}))
    assert sentences[1].endswith(
        "plain 71.1% ± 32.7 (rate 0.1; 1 of 3 diverged, counted at chance)."
        # (.9 + .9 + 1/3) / 3
    )


def test_trials_at_chance_at_the_best_rate_are_counted(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[0.5] * 3, [0.99, 0.99, 0.65]]}))
    assert sentences[1].endswith("(rate 0.1; 1 of 3 at chance).")


def test_a_variant_that_never_trained_has_no_best_rate(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[X], [X]], "batchnorm": [[0.5], [0.9]]}))
    assert sentences == [
        f"{WELL}plain at no rate; batchnorm (n = 1) at its best rate, 0.1, the highest tried.",
        "At its own best rate each reaches, in test accuracy (mean ± SD over seeds): plain chance (no seed trains at "
        "any rate), batchnorm 90.0% (rate 0.1).",
        "batchnorm over plain: +56.7 points, without an interval (1 paired seed): not sure at all.",
    ]


@pytest.mark.parametrize("end", [X, 0.5], ids=["diverged", "at chance"])
def test_if_nothing_trains_nothing_is_compared(tmp_path: Path, end: float | str) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[end] * 3], "batchnorm": [[end] * 3]}))
    assert sentences == [
        "At no rate does any trial of plain, batchnorm do better than chance: there is nothing to compare."
    ]
    sentences = headline_sentences(
        compared(tmp_path, {"plain": [[end] * 3], "batchnorm": [[end] * 3], "layernorm": [[0.9] * 3]})
    )
    assert sentences[2] == "batchnorm over plain: neither trains, so there is nothing to compare."


@pytest.mark.parametrize(("seeds", "named"), [(1, "1 paired seed"), (2, "2 paired seeds")])
def test_below_three_seeds_there_is_no_interval(tmp_path: Path, seeds: int, named: str) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[0.8] * seeds], "batchnorm": [[0.9] * seeds]}))
    assert sentences[2] == f"batchnorm over plain: +10.0 points, without an interval ({named}): not sure at all."


def test_only_seeds_with_a_finished_trial_in_both_are_paired(tmp_path: Path) -> None:
    cells: Cells = {"plain": [[0.8, 0.8, None]], "batchnorm": [["failed", 0.9, 0.95]]}
    sentences = headline_sentences(compared(tmp_path, cells))
    assert sentences[2].startswith("batchnorm over plain: +10.0 points, without an interval (1 paired seed)")


def test_without_a_pair_nothing_can_be_compared(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[0.8, None]], "batchnorm": [["failed", 0.9]]}))
    assert sentences[2] == (
        "batchnorm over plain: no seed has finished at the best rates of both, so they cannot be compared yet."
    )


def test_a_baseline_without_trials_is_reported(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [["failed"]], "batchnorm": [[0.9]]}))
    assert sentences == [
        f"{WELL}batchnorm (n = 1) at 0.01, the only rate tried.",
        "At its own best rate each reaches, in test accuracy (mean ± SD over seeds): batchnorm 90.0% (rate 0.01).",
        "No trial of plain, the baseline, has finished: there is nothing to compare with.",
    ]


@pytest.mark.parametrize("end", [None, "failed"])
def test_before_the_first_trial_has_finished_there_is_one_sentence(tmp_path: Path, end: str | None) -> None:
    assert headline_sentences(compared(tmp_path, {"plain": [[end]]})) == ["No trial has finished yet."]


@pytest.mark.parametrize(
    ("places", "last"),
    [(2, "With units 5: "), (3, "With units 6: "), (4, "1 further setting is in"), (5, "2 further settings are in")],
)
def test_the_first_axis_values_have_a_paragraph_each_and_the_rest_are_counted(
    tmp_path: Path, places: int, last: str
) -> None:
    sentences = headline_sentences(compared(tmp_path, *[ONE] * places))
    assert len(sentences) == min(places, headline.MAX_PLACES + 1)
    assert sentences[-1].startswith(last)
    assert sentences[0] == (
        f"With units 4: {WELL}plain (n = 1) at its best rate, 0.1, the highest tried; batchnorm (n = 1) at its best "
        "rate, 0.1, the highest tried. At its own best rate each reaches, "
        "in test accuracy (mean ± SD over seeds): plain 90.0% (rate 0.1), batchnorm 90.0% (rate 0.1). batchnorm over "
        "plain: +0.0 points, without an interval (1 paired seed): not sure at all."
    )


def test_null_is_a_value_of_an_axis_too(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, ONE, ONE, sweep__grid={"train.steps_per_epoch": [None, 2]}))
    assert [sentence.partition(":")[0] for sentence in sentences] == [
        "With steps_per_epoch none",
        "With steps_per_epoch 2",
    ]
    assert all("batchnorm over plain: +0.0 points" in sentence for sentence in sentences)


def test_several_settings_are_also_judged_together(tmp_path: Path) -> None:
    # +8, +10, +12 points at both settings
    cells = {"plain": [[0.8, 0.8, 0.8]], "batchnorm": [[0.88, 0.9, 0.92]]}
    *_, last = headline_sentences(compared(tmp_path, cells, cells))
    # 10 ± 4.303 * 2 / sqrt(3): three seeds, not six pairs
    assert last == (
        "Over all 2 settings batchnorm over plain: +10.0 points, 95% interval +5.0 to +15.0 (3 paired seeds): better."
    )


def test_equal_differences_at_every_seed_give_no_interval(tmp_path: Path) -> None:
    *_, last = headline_sentences(compared(tmp_path, {"plain": [[0.8] * 3], "batchnorm": [[0.9] * 3]}))
    assert last == "batchnorm over plain: +10.0 points at every one of 3 paired seeds, so there is no interval."
