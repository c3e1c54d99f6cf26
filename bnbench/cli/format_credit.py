"""What each norm slot or ingredient adds to the edge, as a terminal shows it."""

from bnbench.cli.format import format_table
from bnbench.report.headline.credit import describe_credit
from bnbench.report.headline.design import PROVISIONAL
from bnbench.report.tables.credit import credit_table
from bnbench.results.results import Results
from bnbench.store import results_dir


def format_credit(results: Results) -> str:
    """Return the table, the sentences and the names of the files."""
    table = credit_table(results)
    unfinished = results.design is not None and not results.design.record.finished
    parts = [
        "\n".join([*describe_credit(results), *([PROVISIONAL] if unfinished else [])]),
        *([format_table(table)] if table else []),
        "\n".join(str(results.folder / name) for name in (results_dir.REPORT, results_dir.PLOTS)),
    ]
    return "\n\n".join(filter(None, parts))
