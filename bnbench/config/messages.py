"""What pydantic finds wrong with a config -> a line that helps a person."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bnbench.errors import did_you_mean, not_one_of, shorten

Steps = Sequence[int | str]
WANTED = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "too_short": "at least one entry",
}
NO_PLACE = {"(number)", "(word)", "(list)", "(mapping)", "[key]"}  # a branch of a union, a key and not its value


def explain_problem(problem: Mapping[str, Any], where: str, known_at: Callable[[Steps], Sequence[str]]) -> str:
    """One line for one of pydantic's findings: where, what was found, what was wanted, the nearest name."""
    kind, found, context = problem["type"], problem["input"], problem.get("ctx", {})
    loc = problem["loc"]
    known_part = len(loc) - (kind == "extra_forbidden")  # an unknown key may be any text, that of a branch too
    steps = [*(step for step in loc[:known_part] if step not in NO_PLACE), *loc[known_part:]]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    if kind == "extra_forbidden":
        known = known_at(steps[:-1])
        message = f"unknown key{did_you_mean(str(steps[-1]), known)}; known here: {', '.join(known)}"
    elif kind == "missing":
        message = "missing"
    elif kind == "value_error":
        message = str(context["error"])
    elif kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        message = (
            f"{shorten(found)} is neither a number nor {known[0]!r}" if "(word)" in loc else not_one_of(found, known)
        )
    elif kind == "union_tag_invalid":
        words = {"(number)": "a number", "(word)": "a word", "(list)": "a list", "(mapping)": "a mapping"}
        wanted = " or ".join(words[tag] for tag in re.findall(r"\(\w+\)", context["expected_tags"]))
        message = f"found {shorten(found)}, wanted {wanted}"
    else:
        wanted = problem["msg"].removeprefix("Input should be ")
        wanted = wanted.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
        message = f"found {shorten(found)}, wanted {WANTED.get(kind, wanted)}"
    return f"{where}: {place}: {message}" if place else f"{where}: {message}"
