import math
from typing import Any

import pandas as pd
import pytest

from bnbench.report import index
from bnbench.report.index import Entry
from bnbench.results.digest import Digest
from bnbench.results.published import is_of_one_training, published_lies

NAN = math.nan
CLAIM = {
    "text": "a | b <script>", "metric": "test_score", "of": "batchnorm", "over": "plain", "across": "",
    "bound": "difference at least 0", "estimate": 0.123456, "low": 0.1, "high": 0.15, "n": 5, "verdict": "supported",
    "verdict_text": "supported", "p": 0.01, "rope": math.nan, "rounds": math.nan, "reason": "why",
}  # fmt: skip
PUBLISHED = {
    "source": "Table 1", "variant": "plain", "model.params.units": "4", "learning_rate": 0.01,
    "metric": "test_score", "published": 0.8876, "mean": 0.9, "sd": 0.01, "n": 3, "low": 0.88, "high": 0.92,
    "difference": 0.0124, "note": "read off a curve", "why_outside": "",
}  # fmt: skip
ENVIRONMENT = {
    "python": "3.12.1", "processor": "AMD EPYC", "cores": 2, "commit": "0123456789", "uncommitted_changes": False,
    "packages": {"bnbench": "0.1.0", "keras": "3.15.1", "tensorflow": "2.21.0"},
    "data": {"leaf": {"form": "Kaggle train.csv", "rows": 990}},
}  # fmt: skip


def entry(
    claims: list[dict[str, Any]] | None = None, published: list[dict[str, Any]] | None = None, **changes: Any
) -> Entry:
    values = {"name": "leaf", "title": "Leaf", "planned": 8, "ended": 8, "failed": 0, "seconds": 150.0} | changes
    tables = {"claims": pd.DataFrame(claims or []), "published": pd.DataFrame(published or [])}
    return Entry("leaf", "../configs/leaf.yaml", Digest(**values, **tables, environment=ENVIRONMENT))


def lines(*entries: Entry) -> list[str]:
    return index.render_index(entries).splitlines()


def test_an_experiment_has_a_row() -> None:
    claims = [CLAIM, CLAIM | {"verdict": "refuted", "verdict_text": "refuted, too small to matter"}, CLAIM]
    published = [PUBLISHED, PUBLISHED | {"published": 0.95}, PUBLISHED | {"low": NAN, "high": NAN}]
    assert (
        "| [leaf](leaf/report.md) ([config](../configs/leaf.yaml)) | "
        "*supported*: a \\| b \\<script\\> (+12.3 points; 10.0 to 15.0) | "
        "2 supported, 1 refuted (1 too small to matter) | 1 within, 1 above, 1 no interval | 8 of 8 | 2 min |"
    ) in lines(entry(claims, published))


def test_a_claim_has_its_numbers_and_its_text_is_escaped() -> None:
    assert (
        "| a \\| b \\<script\\> | test accuracy of batchnorm over plain: difference at least 0 points | +12.3 points | "
        "10.0 to 15.0 | 5 | supported |"
    ) in lines(entry([CLAIM]))


@pytest.mark.parametrize(("title", "shown"), [("Leaf", "Leaf."), ("Is it faster?", "Is it faster?")])
def test_a_title_ends_once(title: str, shown: str) -> None:
    assert any(line.startswith(f"{shown} [Report]") for line in lines(entry([CLAIM], title=title)))


def test_an_open_claim_says_why() -> None:
    unsure = CLAIM | {
        "verdict": "inconclusive",
        "verdict_text": "open (about 9 seeds)",
        "estimate": NAN,
        "low": NAN,
        "high": NAN,
        "n": 2,
        "over": "",
    }
    assert (
        "| a \\| b \\<script\\> | test accuracy of batchnorm: difference at least 0 points | unknown | none | 2 | "
        "open (about 9 seeds): why |"
    ) in lines(entry([unsure]))


def test_no_relevant_difference_is_an_answer() -> None:
    same = CLAIM | {"verdict": "inconclusive", "verdict_text": "no relevant difference", "rope": 0.02}
    assert (
        "| a \\| b \\<script\\> | test accuracy of batchnorm over plain: difference at least 0 points "
        "(rope ±2 points) | +12.3 points | 10.0 to 15.0 | 5 | no relevant difference |"
    ) in lines(entry([same]))


def test_the_page_corrects_the_claims_of_all_experiments() -> None:
    unsure = CLAIM | {"verdict": "inconclusive", "verdict_text": "open", "p": 0.4}
    result = lines(entry([CLAIM, unsure]), entry([CLAIM | {"p": 0.03}, CLAIM | {"p": NAN}]))
    # 3 x .01, 2 x .03
    assert (
        "- Of 4 claims: 3 supported, 1 open. Corrected for the 3 claims with a p-value on this page (Holm 1979), "
        "1 of 2 verdicts remains. 1 other verdict has no p-value."
    ) in result


def test_a_published_value_is_next_to_ours() -> None:
    result = lines(entry(published=[PUBLISHED]))
    assert "By Table 1:" in result
    assert (
        "| test accuracy of plain, units 4, rate 0.01 (read off a curve) | 88.8% | 90.0% | 88.0 to 92.0% | 3 | within |"
    ) in result


def test_a_setting_is_in_words() -> None:
    result = lines(entry(published=[PUBLISHED | {"model.params.units": '{"random_normal": {"stddev": 0.1}}'}]))
    assert "plain, units random_normal stddev 0.1, rate 0.01" in "\n".join(result).replace("\\", "")


def test_each_source_has_a_table() -> None:
    result = lines(entry(published=[PUBLISHED, PUBLISHED | {"source": "Table 2"}, PUBLISHED]))
    assert [line for line in result if line.startswith("By ")] == ["By Table 1:", "By Table 2:"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"published": 0.88}, "within"),
        ({"published": 0.8799}, "below"),
        ({"published": 0.9201}, "above"),
        ({"low": NAN, "high": NAN}, "no interval"),
        ({"mean": math.inf, "low": NAN, "high": NAN}, "no interval"),
        ({"mean": NAN, "low": NAN, "high": NAN}, "not measured"),
        ({"published": math.inf, "mean": math.inf, "low": math.nan}, "within"),
        ({"published": math.inf}, "above"),
    ],
)
def test_where_a_published_value_is(changes: dict[str, float], where: str) -> None:
    assert published_lies(PUBLISHED | changes) == where


def test_a_value_outside_the_interval_of_the_mean_may_be_that_of_one_training() -> None:
    # 0.9 ± 3.182 x 0.0126 x sqrt(1 + 1/4) = 0.8552 to 0.9448; the interval of the mean is half as wide.
    ours = PUBLISHED | {"sd": 0.0126, "n": 4, "low": 0.88, "high": 0.92}
    near, far = ours | {"published": 0.944}, ours | {"published": 0.946}
    assert [is_of_one_training(row) for row in (near, far, ours, near | {"n": 2})] == [True, False, False, False]
    # Losses in logarithms: 2 x / : sqrt(2)^sqrt(5) = 2.17 around 1.
    loss = ours | {"metric": "test_loss", "mean": 1.0, "low": 1 / math.sqrt(2), "high": math.sqrt(2)}
    assert [is_of_one_training(loss | {"published": value}) for value in (2.1, 2.2, 0.47, 0.45)] == [True, False] * 2
    page = "\n".join(lines(entry(published=[near, far, near | {"why_outside": "another split"}])))
    assert "| above, where single trainings lie |" in page
    assert "| above: no reason was found |" in page
    assert "| above, where single trainings lie: another split |" in page
    assert (
        "Of 3 published values: 3 above. For 1 of the 3 outside, the table says why; "
        "1 of the others are where single trainings lie."
    ) in page


def test_a_metric_of_all_rates_names_none() -> None:
    result = lines(entry(published=[PUBLISHED | {"metric": "best_rate", "learning_rate": NAN, "note": ""}]))
    assert any(line.startswith("| best rate of plain, units 4 |") for line in result)


def test_an_experiment_without_expectations_has_only_a_row() -> None:
    assert "### leaf" not in lines(entry())
    assert "### leaf" in lines(entry([CLAIM]))


def test_the_page_says_how_it_was_made() -> None:
    made = "- bnbench 0.1.0 at 0123456, keras 3.15.1, tensorflow 2.21.0, Python 3.12.1, 2 cores of AMD EPYC: leaf"
    result = lines(entry([CLAIM]))
    assert made in result
    assert (
        "Leaf. [Report](leaf/report.md), [config](../configs/leaf.yaml). Data: leaf (Kaggle train.csv, 990 rows)."
        in result
    )


def test_an_experiment_that_was_not_run_is_listed_with_its_time() -> None:
    result = lines(
        entry(), Entry("big", "../configs/big.yaml", None, 7200.0), Entry("odd", "../configs/odd.yaml", None)
    )
    assert result[-2:] == ["- [big](../configs/big.yaml): about 2.0 h", "- [odd](../configs/odd.yaml)"]


def test_before_the_first_run_there_is_no_table() -> None:
    result = index.render_index([Entry("big", "../configs/big.yaml", None)])
    assert result.startswith(index.MARK)
    assert "|" not in result


MARKED = {"basis": "said", "source": "source 002, part C", "epoch": 9.0}


def test_a_claim_and_a_published_value_say_where_they_come_from() -> None:
    own = CLAIM | MARKED | {"basis": "ours", "source": "", "text": "own", "epoch": NAN}
    result = lines(entry([CLAIM | MARKED, own], [PUBLISHED | {"basis": "read", "epoch": NAN}]))
    assert "| claim | basis | claimed | ours | 95% interval | n | verdict |" in result
    assert (
        "| a \\| b \\<script\\> | said (source 002, part C) | test accuracy after epoch 9 of batchnorm over plain: "
        "difference at least 0 points | +12.3 points | 10.0 to 15.0 | 5 | supported |"
    ) in result
    assert any(line.startswith("| own | ours | test accuracy of batchnorm") for line in result)
    assert "| published value | basis | published | ours | 95% interval | n | the published value is |" in result
    assert any("(read off a curve) | read | 88.8%" in line for line in result)
    assert any(line.startswith("- Basis: 'said' is in a source's own words") for line in result)


def test_without_marks_the_page_does_not_explain_them() -> None:
    result = lines(entry([CLAIM], [PUBLISHED]))
    assert not [line for line in result if "basis" in line.lower()]


def test_experiments_are_grouped_by_question_with_the_first_sentence_of_their_answer() -> None:
    high, fast = "How high can the rate be?", "Is it *faster*?"
    entries = [
        entry(name="a", question=high, answer="Up to <b>0.1</b>."),
        entry(name="b"),
        entry(name="c", question=fast),
        entry([CLAIM], name="d", question=high, answer="Up to 1."),
    ]
    text = lines(*entries)
    headings = [line for line in text if line.startswith("#")]
    assert headings == [
        "# Results", f"## {high}", "## Is it \\*faster\\*?", "## Other experiments", "## Claims and published values",
        "### leaf", "## How this was made",
    ]  # fmt: skip
    rows = [line.split(" | ") for line in text if line.startswith("| [leaf]")]
    # Without an answer, as in results of earlier versions, the title says what was trained.
    found = "*supported*: a \\| b \\<script\\> (+12.3 points; 10.0 to 15.0)"
    assert [row[1] for row in rows] == ["Up to \\<b\\>0.1\\</b\\>.", found, "Leaf", "Leaf"]


def test_the_finding_is_the_first_claim_that_is_decided() -> None:
    unsure = CLAIM | {"verdict": "inconclusive", "verdict_text": "open (about 9 seeds)", "text": "unsure"}
    shown = [
        next(line for line in lines(entry(rows)) if line.startswith("| [leaf]")) for rows in ([unsure, CLAIM], [unsure])
    ]
    assert "*supported*: a" in shown[0]
    assert "*open (about 9 seeds)*: unsure (+12.3 points; 10.0 to 15.0)" in shown[1]


def test_without_questions_there_is_one_table_and_no_heading() -> None:
    text = lines(entry(), entry())
    assert [line for line in text if line.startswith("#")] == ["# Results", "## How this was made"]


def test_a_published_value_outside_says_why_or_that_no_reason_was_found() -> None:
    high = PUBLISHED | {"published": 0.95}
    text = lines(entry(published=[PUBLISHED, high, high | {"why_outside": "other <b>images</b>"}]))
    ends = [line.split(" | ")[-1] for line in text if line.startswith("| test accuracy")]
    assert ends == ["within |", "above: no reason was found |", "above: other \\<b\\>images\\</b\\> |"]
    assert ("- Of 3 published values: 1 within, 2 above. For 1 of the 2 outside, the table says why.") in text


def test_the_main_claim_comes_first() -> None:
    main = CLAIM | {"text": "main", "verdict": "inconclusive", "verdict_text": "open"}
    found = lines(entry([CLAIM, main], main_claim="main"))
    assert any("| *open*: main (+12.3 points; 10.0 to 15.0) | 1 supported, 1 open |" in line for line in found)


def test_a_finding_says_what_its_number_is() -> None:
    faster = CLAIM | {"metric": "epochs_to_target", "bound": "ratio at most 1"}
    trains = CLAIM | {"metric": "ok", "over": "", "bound": "probability at least 0.5"}
    assert any("(0.12 times; 0.1 to 0.15)" in line for line in lines(entry([faster])))
    assert any("(batchnorm trains at 12.3% of the seeds; 10.0 to 15.0%)" in line for line in lines(entry([trains])))
    sooner = CLAIM | {"metric": "seconds_per_step", "bound": "probability at least 0.5", "rounds": 7}
    assert any("(12.3% of the rounds; 10.0 to 15.0%)" in line for line in lines(entry([sooner])))
    unknown = faster | {"estimate": NAN, "low": NAN, "high": NAN}
    assert any("| *supported*: a \\| b \\<script\\> | 1 supported |" in line for line in lines(entry([unknown])))


def test_differences_and_ranges_of_scores_are_in_points_and_a_success_is_a_sentence() -> None:
    gap = CLAIM | {"metric": "score_gap", "over": "", "bound": "value at most 0.05"}
    spread = CLAIM | {"over": "", "bound": "value at least 0.05", "across": "train.batch_size"}
    trains = CLAIM | {"metric": "ok", "over": "", "bound": "probability at least 0.5"}
    found = "\n".join(lines(entry([gap, spread, trains])))
    assert "accuracy gap of batchnorm: value at most 5 points | 12.3 points | 10.0 to 15.0 |" in found
    assert "across batch\\_size, batchnorm: value at least 5 points | 12.3 points | 10.0 to 15.0 |" in found
    assert "batchnorm trains: probability at least 50% | 12.3% | 10.0 to 15.0% |" in found
