"""Leaves the checks of a config to Keras."""

import pytest

from bnbench.model import arguments, layer_conditions, shapes
from bnbench.planning import variant_layers


def skip_checks_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip what `plan` finds without Keras: ranges of arguments, shapes, and conditions of layers."""
    monkeypatch.setattr(arguments, "_problem", lambda *_: None)
    monkeypatch.setattr(arguments, "broken_rule", lambda *_: None)
    monkeypatch.setattr(variant_layers, "fit_layers", lambda layers, *_: tuple(layers))
    monkeypatch.setattr(layer_conditions, "check_shape", lambda *_: None)
    monkeypatch.setattr(shapes, "trace_shapes", lambda *_: None)
