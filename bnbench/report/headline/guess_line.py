"""How well the edges were predicted before the sweep, in one line."""

from bnbench.analysis.labels import format_count, format_factor
from bnbench.planning.predictors.registry import title_of
from bnbench.results.results import Results


def describe_guesses(results: Results) -> list[str]:
    """Return a sentence about the predictor that comes first; none if no prediction can be compared with an edge."""
    for row in results.guess_scores.to_dict("records"):
        if row["edge_n"]:
            factor = format_factor(10 ** row["edge_rms"])
            edges = format_count(row["edge_n"], "edge")
            return [f"Before the sweep, {title_of(row['predictor'])} predicted {edges} to a factor of {factor} (RMS)."]
    return []
