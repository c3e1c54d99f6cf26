from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnbench.analysis.columns import CLAIMS, column_names
from bnbench.errors import ResultsError
from bnbench.results import digest
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.kept import keep

# The small files of two experiments, as version 0.1.0 wrote them.
EARLIER = Path(__file__).parent / "earlier"
CLAIM = {"text": 'a, "b"', "metric": "ok", "of": "200", "probability": {"at_least": 0.5}}
NO_SHARE = {"probability": None}
PUBLISHED = {"source": "Table 1", "variant": "200", "metric": "test_score", "value": 0.9}
NAMED = {"variants": {"200": {"norm": "none"}}, "title": "A title", "sweep__seeds": 3}


def results(folder: Path, *ends: float | str | None, **changes: Any) -> Results:
    return Results(keep(folder, ends, **(NAMED | {"claims": [CLAIM], "published": [PUBLISHED]} | changes)))


def test_a_digest_is_read_as_it_was_written(tmp_path: Path) -> None:
    of = results(tmp_path, 0.8, 0.9, 0.95, "nonfinite", "failed")
    written = digest.write_digest(tmp_path, digest.make_digest(of))
    assert [path.name for path in written] == ["run.json", "claims.csv", "published.csv"]
    (tmp_path / store.DATABASE).unlink()
    read = digest.read_digest(tmp_path)
    assert read is not None
    assert (read.name, read.title, read.planned, read.ended, read.failed) == ("tiny", "A title", 6, 4, 1)
    pd.testing.assert_frame_equal(read.claims, of.claims, check_dtype=False)
    pd.testing.assert_frame_equal(read.published, of.published, check_dtype=False)
    assert read.published["variant"].tolist() == ["200"]


def test_the_digest_names_the_main_claim(tmp_path: Path) -> None:
    claims = [CLAIM, CLAIM | {"text": "main", "main": True}]
    of = results(tmp_path, 0.8, 0.9, 0.95, claims=claims)
    digest.write_digest(tmp_path, digest.make_digest(of))
    read = digest.read_digest(tmp_path)
    assert read is not None
    assert read.main_claim == "main"
    assert read.shown_claim is not None
    assert read.shown_claim["text"] == "main"


def test_files_of_an_earlier_version_are_read_under_todays_names() -> None:
    read = digest.read_digest(EARLIER / "predicts-one-number")
    assert read is not None
    assert read.score_name == "R²"
    assert {"ok", "test_score"} == set(read.claims["metric"])
    assert read.claims.columns.tolist() == column_names(CLAIMS)
    read = digest.read_digest(EARLIER / "initialisation")
    assert read is not None
    assert read.score_name == "accuracy"
    ranges = read.claims[read.claims["across"] != ""]
    assert set(ranges["metric"]) == {"test_score"}
    assert set(ranges["across"]) <= {"kernel", "depth"}


def test_a_largest_stable_rate_of_an_earlier_version_is_not_called_an_edge(tmp_path: Path) -> None:
    of = results(tmp_path, 0.8, 0.9, 0.95, claims=[CLAIM | {"metric": "edge", "value": {"at_least": 1}, **NO_SHARE}])
    digest.write_digest(tmp_path, digest.make_digest(of))
    table = pd.read_csv(tmp_path / results_dir.CLAIMS, dtype=str, keep_default_na=False)
    table["metric"] = "max_stable_rate"
    table.drop(columns=["verdict_text", "p"]).to_csv(tmp_path / results_dir.CLAIMS, index=False)
    read = digest.read_digest(tmp_path)
    assert read is not None
    assert read.claims["metric"].tolist() == ["max_stable_rate"]
    assert read.claims["p"].isna().all()


def test_a_verdict_in_other_words_than_ours_is_refused(tmp_path: Path) -> None:
    of = results(tmp_path, 0.8, 0.9, 0.95)
    digest.write_digest(tmp_path, digest.make_digest(of))
    table = pd.read_csv(tmp_path / results_dir.CLAIMS, dtype=str, keep_default_na=False)
    table.assign(verdict_text="certainly").to_csv(tmp_path / results_dir.CLAIMS, index=False)
    with pytest.raises(ResultsError, match="'certainly' is not a text of the verdict"):
        digest.read_digest(tmp_path)


def test_verdicts_on_times_of_trials_are_dropped(tmp_path: Path) -> None:
    faster = {"text": "it is fast", "metric": "seconds_per_step", "of": "200", "over": "other", "ratio": {"at_most": 2}}
    variants = {"200": {"norm": "none"}, "other": {"norm": "batch"}}
    of = results(tmp_path, 0.8, 0.9, 0.95, variants=variants, claims=[faster, CLAIM])
    digest.write_digest(tmp_path, digest.make_digest(of))
    read = digest.read_digest(tmp_path)
    assert read is not None
    pd.testing.assert_frame_equal(read.claims, of.claims, check_dtype=False)
    # As an earlier version wrote it.
    table = pd.read_csv(tmp_path / results_dir.CLAIMS, dtype=str, keep_default_na=False).drop(columns="rounds")
    table.loc[0, ["estimate", "low", "high", "n", "verdict", "reason"]] = ["1.1", "1.0", "1.2", "3", "supported", "x"]
    table.to_csv(tmp_path / results_dir.CLAIMS, index=False)
    read = digest.read_digest(tmp_path)
    assert read is not None
    assert read.claims.columns.tolist() == column_names(CLAIMS)
    assert read.claims["verdict"].tolist()[0] == "inconclusive"
    assert read.claims["reason"].tolist()[0] == "not measured in pairs: run again"
    assert read.claims.loc[0, ["estimate", "low", "high"]].isna().all()
    pd.testing.assert_series_equal(read.claims.loc[1], of.claims.loc[1], check_dtype=False)


def test_tables_without_the_columns_of_today_are_read_and_say_nothing_in_them(tmp_path: Path) -> None:
    of = results(tmp_path, 0.8, 0.9, 0.95)
    digest.write_digest(tmp_path, digest.make_digest(of))
    for file in (results_dir.CLAIMS, results_dir.PUBLISHED):
        table = pd.read_csv(tmp_path / file, dtype=str, keep_default_na=False)
        table.drop(columns={"basis", "epoch"}).to_csv(tmp_path / file, index=False)
    read = digest.read_digest(tmp_path)
    assert read is not None
    pd.testing.assert_frame_equal(read.claims, of.claims, check_dtype=False)
    pd.testing.assert_frame_equal(read.published, of.published, check_dtype=False)


def test_marks_and_epochs_are_read_as_they_were_written(tmp_path: Path) -> None:
    curve = {"metric": "train_loss", "epoch": 1, "basis": "said", "source": "source 002, part C"}
    marked = {"claims": [{**curve, "text": "x", "of": "200", "value": {"at_most": 1}}]}
    of = results(tmp_path, 0.8, 0.9, 0.95, **marked, published=[PUBLISHED | {"basis": "read"}])
    digest.write_digest(tmp_path, digest.make_digest(of))
    read = digest.read_digest(tmp_path)
    assert read is not None
    (claim,), (value,) = read.claims.to_dict("records"), read.published.to_dict("records")
    assert (claim["basis"], claim["source"], claim["epoch"]) == ("said", "source 002, part C", 1)
    assert value["basis"] == "read"


def test_the_seconds_are_those_of_all_trials(tmp_path: Path) -> None:
    of = results(tmp_path, 0.8, 0.9)
    assert digest.make_digest(of).seconds == pytest.approx(of.trials["seconds"].sum())


def test_no_file_without_claims_and_published_values(tmp_path: Path) -> None:
    digest.write_digest(tmp_path, digest.make_digest(results(tmp_path, 0.8)))
    written = digest.write_digest(tmp_path, digest.make_digest(results(tmp_path, 0.8, claims=[], published=[])))
    assert [path.name for path in written] == ["run.json"]
    assert not (tmp_path / results_dir.CLAIMS).exists()
    assert not (tmp_path / results_dir.PUBLISHED).exists()
    read = digest.read_digest(tmp_path)
    assert read is not None
    assert read.claims.empty


def test_a_folder_without_a_digest(tmp_path: Path) -> None:
    results(tmp_path, 0.8)
    assert digest.read_digest(tmp_path) is None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (results_dir.RUN, "{"),
        (results_dir.RUN, '{"name": "tiny"}'),
        (results_dir.CLAIMS, "text\nx\n"),
        (results_dir.ENVIRONMENT, "[1"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, file: str, text: str) -> None:
    digest.write_digest(tmp_path, digest.make_digest(results(tmp_path, 0.8)))
    results_dir.write_text(tmp_path / file, text)
    with pytest.raises(ResultsError, match=file):
        digest.read_digest(tmp_path)
