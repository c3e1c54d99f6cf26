from pathlib import Path

import pytest

from bnbench.report import headline
from bnbench.report.headline import headline_sentences
from support.kept import Cells, compared

X = "nonfinite"
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
        "Every seed does better than chance: plain from 0.01, the lowest tried, to 0.1; batchnorm from 0.01, the "
        "lowest tried, to 1, the highest tried.",
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
    assert sentences[0].count("from 0.01, the lowest tried, to 0.1") == 3
    assert sentences[1].count("90.0% ± 0.0 (rate 0.1)") == 3
    assert [sentence.partition(":")[0] for sentence in sentences[2:]] == [
        "batchnorm over plain",
        "layernorm over plain",
    ]


def test_one_variant_is_compared_with_none(tmp_path: Path) -> None:
    assert len(headline_sentences(compared(tmp_path, {"plain": PLAIN}))) == 2


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ([0.8, 0.9, 0.8], "plain from 0.01, the lowest tried, to 1, the highest tried"),
        ([0.8, 0.9, X], "plain from 0.01, the lowest tried, to 0.1"),
        ([0.5, 0.9, 0.8], "plain from 0.1 to 1, the highest tried"),
        ([0.5, 0.8, 0.9, X], "plain from 0.1 to 1"),
        ([0.5, 0.9, X], "plain at 0.1 alone"),
        ([0.9, X, X], "plain at 0.01, the lowest tried"),
        ([0.5, 0.5, 0.9], "plain at 1, the highest tried"),
        ([0.9, X, 0.8], "plain at 0.01, the lowest tried and at 1, the highest tried"),
        ([0.9], "plain at 0.01, the only rate tried"),
        (
            [0.8, 0.9, None],
            "plain from 0.01, the lowest tried, to 0.1, the highest tried",
        ),
    ],
    ids=str,
)
def test_the_rates_at_which_every_seed_trains(tmp_path: Path, ends: list[float | str | None], wanted: str) -> None:
    assert (
        headline_sentences(compared(tmp_path, {"plain": [[end] for end in ends]}))[0]
        == f"Every seed does better than chance: {wanted}."
    )


def test_if_not_every_seed_trains_at_the_best_rate_the_other_rates_are_listed(tmp_path: Path) -> None:
    sentences = headline_sentences(
        compared(tmp_path, {"plain": [[0.75, 0.75], [0.99, 0.65]]})
        # .65 is chance, the mean .82
    )
    assert (
        sentences[0]
        == "Every seed does better than chance: plain at 0.01, the lowest tried, but not at its best rate, 0.1."
    )


def test_a_diverged_trial_at_the_best_rate_counts_at_chance(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[0.5] * 3, [0.9, 0.9, X]]}))
    assert sentences[1].endswith(
        "plain 71.1% ± 32.7 (rate 0.1; 1 of 3 diverged, counted at chance)."
        # (.9 + .9 + 1/3) / 3
    )


def test_a_variant_that_never_trained_has_no_best_rate(tmp_path: Path) -> None:
    sentences = headline_sentences(compared(tmp_path, {"plain": [[X], [X]], "batchnorm": [[0.5], [0.9]]}))
    assert sentences == [
        "Every seed does better than chance: plain at no rate; batchnorm at 0.1, the highest tried.",
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
        "Every seed does better than chance: batchnorm at 0.01, the only rate tried.",
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
        "With units 4: Every seed does better than chance: plain from 0.01, the lowest tried, to 0.1, the highest "
        "tried; batchnorm from 0.01, the lowest tried, to 0.1, the highest tried. At its own best rate each reaches, "
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
