"""Turns a validation error of pydantic into the place of the error and a readable message.

Other checks write their own messages, with a place from `bnbench/location.py`.
"""

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
# Keys that other tools have for what is a part of `sweep` here.
RATE_NAMES = frozenset({"lr", "learning_rate", "learningrate", "learning_rates"})
FORMS = {"(number)": "a number", "(word)": "a word", "(list)": "a list", "(mapping)": "a mapping"}
# Pydantic adds these to a location although they are not keys of the file: the branch of a union, and a mark for errors
# about a key instead of its value.
NO_STEPS = {*FORMS, "[key]"}


def explain_problem(problem: Mapping[str, Any], keys_at: Callable[[Steps], Sequence[str]]) -> tuple[Steps, str]:
    """Return the steps to the wrong value, and a message: what was found, what was wanted, the nearest valid name.

    Args:
        problem: one entry of `ValidationError.errors()`.
        keys_at: returns the known keys of the mapping at the end of these steps.
    """
    kind, steps = problem["type"], _steps(problem)
    if kind == "extra_forbidden" and steps[-1] in RATE_NAMES:
        return steps, "the learning rate is swept: set sweep.learning_rate"
    if kind == "extra_forbidden":
        known = keys_at(steps[:-1])
        return steps, f"unknown key{did_you_mean(str(steps[-1]), known)}; known here: {', '.join(known)}"
    if kind == "missing":
        return steps, "missing"
    if kind == "value_error":
        error = problem["ctx"]["error"]
        return [*steps, *getattr(error, "steps", ())], str(error)
    if kind == "literal_error":
        return steps, _explain_word(problem)
    return steps, f"found {shorten(problem['input'])}, wanted {_wanted(problem)}"


def is_about_key(problem: Mapping[str, Any]) -> bool:
    """Return True if a key is wrong, not its value."""
    return problem["type"] == "extra_forbidden" or "[key]" in problem["loc"]


def _steps(problem: Mapping[str, Any]) -> Steps:
    location = problem["loc"]
    # An unknown key may be any text, so it may be equal to the name of a branch.
    known = len(location) - (problem["type"] == "extra_forbidden")
    return [*(step for step in location[:known] if step not in NO_STEPS), *location[known:]]


def _explain_word(problem: Mapping[str, Any]) -> str:
    words = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
    if "(word)" in problem["loc"]:
        return f"{shorten(problem['input'])} is neither a number nor {words[0]!r}"
    return not_one_of(problem["input"], words)


def _wanted(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "union_tag_invalid":
        return " or ".join(FORMS[tag] for tag in re.findall(r"\(\w+\)", problem["ctx"]["expected_tags"]))
    if problem["type"] in ("string_too_long", "string_too_short"):
        bound, number = next(
            (key, problem["ctx"][key]) for key in ("min_length", "max_length") if key in problem["ctx"]
        )
        return f"at {'least' if bound == 'min_length' else 'most'} {number} characters"
    text: str = problem["msg"].removeprefix("Input should be ")
    text = text.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return WANTED.get(problem["type"], text)
