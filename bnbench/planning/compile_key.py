"""Which programs can share compiled functions: those that differ only in settings that no function contains."""

import hashlib
import json
from collections.abc import Iterable

from bnbench.model.layer import Layer
from bnbench.planning.plan import Program

# Settings that change what a trial computes, but no compiled function. Everything else is part of the key, so what is
# not listed here is compiled anew. tests/training/test_reuse.py compares trials on shared functions with trials on
# functions of their own, bit by bit, for each of these.
RESET = {
    "train": {"epochs", "callbacks", "pre_activations", "stop_failed"},
    # The sizes of the parts are part of the key.
    "data": {"split", "limit", "duplicates"},
}
INITIALIZER = "_initializer"


def compile_key(program: Program) -> str:
    """Return a hash that is the same for two programs if one can be reset to be the other without compiling.

    Ids do not depend on it, and it is not stored.
    """
    facts = program.facts
    described = {
        "layers": [_layer_settings(layer, program) for layer in program.layers],
        "train": program.train.model_dump(exclude=RESET["train"]),
        "data": program.data.model_dump(exclude=RESET["data"]),
        "rows": [facts.fingerprint, facts.shape, facts.dtype, facts.classes, facts.filled],
        "sizes": [program.sizes.train, program.sizes.validation, program.sizes.test],
    }
    text = json.dumps(described, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _layer_settings(layer: Layer, program: Program) -> list[object]:
    """Return what a layer is compiled from: its initializers only where a file keeps them with the model."""
    kept = program.save_models != "none" or program.train.callbacks
    arguments = {name: value for name, value in layer.arguments.items() if kept or not name.endswith(INITIALIZER)}
    return [layer.name, layer.class_name, arguments, layer.inputs]


def with_same_functions(programs: Iterable[Program]) -> list[list[Program]]:
    """Return the programs in groups that can share compiled functions, in the order of their first programs."""
    groups: dict[str, list[Program]] = {}
    for program in programs:
        groups.setdefault(compile_key(program), []).append(program)
    return list(groups.values())
