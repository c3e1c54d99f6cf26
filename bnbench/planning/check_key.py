"""Which programs Keras has to check before training: one of each set with the same model, optimizer, loss and so on."""

import json
from collections.abc import Iterable

from bnbench.planning.plan import Program
from bnbench.planning.steps import kind_of_training

# What the check would do in the same way for each value of these keys of `train`.
UNCHECKED = {"epochs", "batch_size", "steps_per_epoch", "on_divergence", "stop_failed", "engine"}


def check_key(program: Program) -> str:
    """Return a text that is the same for two programs if Keras accepts both or neither."""
    return json.dumps(
        {
            "layers": [[layer.class_name, layer.arguments, layer.inputs] for layer in program.layers],
            "train": {key: value for key, value in kind_of_training(program.train).items() if key not in UNCHECKED},
            "rows": [program.facts.fingerprint, program.facts.shape, program.facts.classes, program.data.scale],
            "saves_models": program.save_models != "none",
            "probes": [name for name, _ in program.probes],
        },
        sort_keys=True,
        default=repr,
    )


def distinct_programs(programs: Iterable[Program]) -> list[Program]:
    """Return the first program of each set of programs with the same `check_key`."""
    first: dict[str, Program] = {}
    for program in programs:
        first.setdefault(check_key(program), program)
    return list(first.values())
