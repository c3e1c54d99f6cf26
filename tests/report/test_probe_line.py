from pathlib import Path

from bnbench.planning.plan import Trial
from bnbench.planning.trial import Series
from bnbench.report.document import make_document, render_markdown
from bnbench.report.headline.answer import make_answer
from bnbench.report.headline.facts import Facts
from bnbench.report.headline.probe_line import describe_probes
from support.figures import CELLS
from support.kept import compared
from support.probed import asked, probed, series


def dying(trial: Trial) -> list[Series]:
    """Two layers die from rate 1 on in plain, the second one first."""
    dies = trial.variant == "plain" and trial.learning_rate >= 1
    early, late = ({1.0: 0.95, 2.0: 1.0}, {1.0: 0.5, 2.0: 1.0}) if dies else ({1.0: 0.0, 2.0: 0.2},) * 2
    return [
        asked("first_steps"),
        series("batch_dead_share", late, "activation_0"),
        series("batch_dead_share", early, "activation_1"),
    ]


def test_the_layer_that_dies_first_and_the_lowest_rate(tmp_path: Path) -> None:
    results = probed(tmp_path, dying)
    (line,) = describe_probes(Facts(results))
    assert line == (
        "The lowest rate at which 90% of the units of a layer died in the first 2 steps is 1 for plain (first in "
        "activation_1)."
    )
    assert line in make_answer(results).sentences
    assert line in render_markdown(make_document(results, [])).replace("\\", "")


def test_each_probe_has_a_sentence(tmp_path: Path) -> None:
    def measure(trial: Trial) -> list[Series]:
        rate = 0.5 if trial.variant == "plain" else 0.25
        return [
            *(asked(name) for name in ("first_steps", "sharpness", "line_search", "effective_rate", "predictiveness")),
            series("batch_dead_share", {1.0: 0.1, 2.0: 0.1}, "activation_0"),
            series("sharpness_times_rate", {0.0: 9.0, 6.0: 2 * rate}),
            series("line_first_worse", {7.0: rate} if trial.variant == "plain" else {7.0: float("nan")}),
            series("kernel_norm", {0.0: 1.0, 6.0: 1 + rate}, "dense_0"),
            series("kernel_norm", {0.0: 1.0, 6.0: 1.0}, "dense_1"),
            series("effective_smoothness", {1.0: 4 * rate}),
        ]

    (line,) = describe_probes(Facts(probed(tmp_path, measure)))
    assert line == (
        "At no rate 90% of the units of a layer died in the first 2 steps. "
        "Learning rate times sharpness ended at 1 for plain and 0.5 for batchnorm, each at its best rate. "
        "At step 7, the first length along the gradient that raised the loss was 0.5 for plain and none up to 1 for "
        "batchnorm. "
        "The kernel that grew most grew by a factor of 1.5 for plain and 1.2 for batchnorm. "
        "At rate 0.1, the effective smoothness over the training was 2 for plain and 1 for batchnorm (median)."
    )


def test_results_without_probes_have_no_line(tmp_path: Path) -> None:
    assert describe_probes(Facts(compared(tmp_path, CELLS))) == []
