import logging
from dataclasses import replace

import pytest

from bnbench.cli.format_plan import format_cohorts
from bnbench.planning.left_out_rows import log_left_out_rows
from support.examples import facts, make_plan

# Ten groups, of 9 and of 10 rows.
GROUPED = replace(facts(rows=95), group_rows=((9, 9, 5), (10, 10, 5)))


def test_a_plan_says_how_many_rows_groups_leave_out(caplog: pytest.LogCaptureFixture) -> None:
    plan = make_plan(GROUPED)
    # Test and validation part have two of the smallest groups, 18 rows, and two groups may have 20.
    sizes = plan.cohorts[0].program.sizes
    assert (sizes.train, sizes.validation, sizes.test, sizes.left_out) == (55, 18, 18, 4)
    with caplog.at_level(logging.WARNING):
        log_left_out_rows(plan)
    (record,) = caplog.records
    assert record.getMessage().startswith("digits: 4 of 95 rows are in no part: all rows of a group stay in one part")
    assert "digits 55+18+18 (4 in no part)" in format_cohorts(plan)


def test_a_plan_without_left_out_rows_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    whole = replace(GROUPED, rows=100, group_rows=((10, 10, 10),))
    for plan in (make_plan(), make_plan(whole)):
        log_left_out_rows(plan)
        assert "in no part" not in format_cohorts(plan)
    assert not caplog.records
