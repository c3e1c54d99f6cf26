"""Says how many rows of a plan are in no part, because the rows of a group stay together."""

import logging

from bnbench.planning.plan import Plan

log = logging.getLogger(__name__)


def log_left_out_rows(plan: Plan) -> None:
    """Log a line for each data set, and each way to split it, whose groups leave rows out."""
    programs = [cohort.program for cohort in plan.cohorts]
    counts = {(program.data.source, program.facts.rows, program.sizes.left_out) for program in programs}
    for source, rows, left_out in sorted(counts):
        if left_out:
            log.warning(
                "%s: %d of %d rows are in no part: all rows of a group stay in one part (data.group), and every seed "
                "has parts of the same size",
                source,
                left_out,
                rows,
            )
