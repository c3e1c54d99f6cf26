"""`probes` of an experiment: short forms, and messages for what is wrong."""

from typing import Any

import pytest

from bnbench.analysis.asked_probes import ASKED_PROBES
from bnbench.config.load import check_config
from bnbench.errors import ConfigError
from support.examples import make_plan, values


def _names(probes: Any) -> list[tuple[str, dict[str, Any]]]:
    experiment = check_config(values(probes=probes), "tiny.yaml")
    # What a results folder records is read again as the same.
    assert check_config(experiment.dump(), "config.yaml") == experiment
    return [(probe.name, probe.arguments) for probe in experiment.probes]


def test_probes_are_named_in_a_list_or_all_at_once() -> None:
    assert _names(["sharpness", {"line_search": {"looks": 3}}]) == [("sharpness", {}), ("line_search", {"looks": 3})]
    assert [name for name, _ in _names("all")] == list(ASKED_PROBES)
    assert _names(["all"]) == _names("all")
    assert _names([]) == []


@pytest.mark.parametrize(
    ("probes", "message"),
    [
        (["sharpnes"], r"probes\[0\]: 'sharpnes' is not one of .*did you mean 'sharpness'"),
        ("sharpness", r"probes: found 'sharpness', wanted a list"),
        (["sharpness", "sharpness"], r"probes\[1\]: sharpness is already in the list"),
        ([{"first_steps": {"looks": 3}}], r"probes\[0\]: first_steps has no argument 'looks'"),
        ([{"sharpness": {"every": 3}}], r"probes\[0\]: sharpness has no argument 'every', only looks"),
        ([{"sharpness": {"looks": "many"}}], r"probes\[0\]: sharpness: looks is 'many', wanted a whole number"),
        ([{"sharpness": {"looks": -1}}], r"probes\[0\]: sharpness: looks is -1, wanted a whole number from 0"),
    ],
)
def test_what_is_wrong_with_probes_is_said(probes: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_config(values(probes=probes), "tiny.yaml")


def test_no_id_depends_on_probes() -> None:
    with_all, without = (make_plan(probes=probes) for probes in ("all", []))
    assert [cohort.program.key for cohort in with_all.cohorts] == [cohort.program.key for cohort in without.cohorts]
    assert dict(with_all.cohorts[0].program.probes)["predictiveness"] == ASKED_PROBES["predictiveness"].looks
