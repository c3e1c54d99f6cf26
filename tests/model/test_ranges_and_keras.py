"""The ranges and the installed Keras: what Keras refuses is refused, and whatever else is refused has a reason."""

from collections.abc import Iterator
from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.model import arguments, catalog, ranges
from bnbench.model.argument_rules import RULES
from bnbench.model.layer_table import MERGING
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.model.range_tables.row import Row
from bnbench.model.schedule_arguments import ALL
from bnbench.model.shapes import trace_shapes
from bnbench.training.threads import use_threads
from support.keras_probe import example_shape, keras_takes, needed_arguments, samples

SET_BY_BNBENCH = {"schedules": {"initial_learning_rate": ""}, "callbacks": {"filepath": "", "log_dir": ""}}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def rows() -> Iterator[tuple[str, str, str, Row]]:
    """Yield family, class, argument and range of each argument, once for each row and argument."""
    seen = set()
    for family, names in ((family, catalog._class_names(family).values()) for family in catalog.FAMILIES):
        for name in sorted(set(filter(None, (catalog.find_class(family, name) for name in names)))):
            for argument in arguments._allowed(family, name, {}):
                row = ranges.find_range(family, name, argument)
                if row and argument != "monitor" and (id(row), argument) not in seen:
                    seen.add((id(row), argument))
                    yield family, name, argument, row


def refusal(family: str, name: str, given: dict[str, Any]) -> str:
    try:
        refused = SET_BY_BNBENCH.get(family, {})
        ours = {argument: value for argument, value in given.items() if argument not in refused}
        arguments.check_arguments(family, name, ours, "here", refused)
        if family == "layers":
            layer = {name: given}
            item = {"parallel": {"branches": [[], ["identity"]], "merge": layer}} if name in MERGING else layer
            trace_shapes(flatten_layers([item], {}, NormSlot(), "here"), example_shape(name), "here")
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_what_keras_refuses_is_refused_and_what_is_refused_besides_has_a_reason(family: str) -> None:
    admitted, without_reason = [], []
    reasons = {rule.reason for rule in RULES[family] if rule.reason}
    for found, name, argument, row in rows():
        if found != family:
            continue
        for value in samples(row.values, ranges.rank_of(name)):
            given = {**needed_arguments(family, name, argument), argument: value}
            # A plan turns `all` into a number of steps before Keras gets it.
            resolved = {key: 10 if one == ALL else one for key, one in given.items()}
            message, taken = refusal(family, name, given), keras_takes(family, name, resolved)
            if not message and not taken:
                admitted.append((name, argument, value))
            if message and taken and not any(reason in message for reason in {row.reason, *reasons} - {""}):
                without_reason.append((name, argument, value, message))
    assert admitted == []
    assert without_reason == []
