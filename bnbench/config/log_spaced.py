"""Learning rates at equal distances on a logarithmic scale, for Python code."""

from pydantic import ValidationError

from bnbench.config.messages import explain_problem
from bnbench.config.plain import plain_mapping
from bnbench.config.schema import LogSpaced
from bnbench.errors import ConfigError

# What the keys of an experiment file are called as arguments.
ARGUMENTS = {"from": "start", "to": "stop", "points": "points"}


def log_spaced(start: float, stop: float, points: int) -> list[float]:
    """Return learning rates in ascending order, with both ends, as `LogSpaced` has them.

    Raises:
        ConfigError: these are no positive numbers with start < stop, or fewer than two points.
    """
    given = plain_mapping({"from": start, "to": stop, "points": points}, "log_spaced")
    try:
        return LogSpaced.model_validate(given).rates()
    except ValidationError as error:
        explained = [explain_problem(problem, lambda steps: list(ARGUMENTS)) for problem in error.errors()]
        lines = [
            ": ".join(["log_spaced", *(ARGUMENTS[str(step)] for step in steps), said]) for steps, said in explained
        ]
        raise ConfigError("", "\n".join(lines)) from None
