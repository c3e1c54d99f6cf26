"""The hashes that identify programs and trials. Stored results are found by these hashes, so they must never change.

A setting is hashed under the name and value that it had when it was introduced. A setting that is added later is hashed
only if it differs from its default.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from bnbench.config.own_data import READING_KEYS
from bnbench.config.renamed import old_setting
from bnbench.config.schema import Data, Train
from bnbench.data.types import DatasetInfo
from bnbench.model.layers import Layer
from bnbench.planning.revisions import ProgramSettings, Revision, program_revisions

# It stays as it is: a fix that changes outcomes adds a revision, which changes the ids of the trials that it can touch.
ENGINE_VERSION = 1


def program_key(data: Data, dataset: DatasetInfo, layers: Sequence[Layer], train: Train, device: str = "") -> str:
    """Return the key of a program: a hash of all that decides an outcome, except the learning rate and the seed.

    A device is hashed only if it is no processor.
    """
    revisions = program_revisions(ProgramSettings(data, dataset, layers, train))
    return _digest(
        {
            "engine": ENGINE_VERSION,
            "versions": library_versions(),
            "data": _data_settings(data),
            "fingerprint": dataset.fingerprint,
            "layers": list(map(_layer_settings, layers)),
            "train": _train_settings(train),
            **({"revisions": revisions} if revisions else {}),
            **({"device": device} if device else {}),
        }
    )


def _data_settings(data: Data) -> dict[str, Any]:
    """Return what is hashed of `data`.

    `classes`, `unit` and the keys that say how own data are read are left out because the fingerprint depends on them.
    So the name of a file is no part of an id. In the order of the file `stratify` has no effect.
    """
    settings = old_setting("data", data.model_dump(exclude={"classes", "unit", "shift_test", *READING_KEYS}))
    if data.target_scale == "none":
        del settings["target_scale"]
    del settings["split"]["order" if data.split.order == "random" else "stratify"]
    shift = data.shift_test.model_dump(exclude_defaults=True)
    return {**settings, **({"shift_test": shift} if shift else {})}


def _train_settings(train: Train) -> dict[str, Any]:
    """Return what is hashed of `train`: keys that are later than the first version only where they are set."""
    later = {
        "pre_activations": train.pre_activations,
        "class_weight": train.class_weight,
        "warmup": train.warmup,
        "stop_failed": train.stop_failed,
    }
    return train.model_dump(exclude={key for key, value in later.items() if not value})


def _layer_settings(layer: Layer) -> list[Any]:
    """Return what is hashed of a layer: `inputs` only where they are not just the layer before it."""
    settings = [layer.name, layer.class_name, layer.arguments]
    return [*settings, layer.inputs] if layer.inputs else settings


def trial_id(program: str, learning_rate: float, seed: int, revisions: Sequence[Revision] = ()) -> str:
    """Return the id of the trial of a program with a learning rate and a seed.

    Args:
        revisions: the `trial_revisions` of the program.
    """
    touching = [one.name for one in revisions if one.touches_trial and one.touches_trial(learning_rate, seed)]
    if touching:
        return _digest([program, learning_rate, seed, touching])
    # This is the text that `_digest` makes of the three values, in a fifth of its time: a plan may have a million ids.
    return _hash_text(f'["{program}",{learning_rate!r},{seed}]')


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that do the arithmetic, without the patch release."""
    return {name: ".".join(version(name).split(".")[:2]) for name in ("keras", "tensorflow")}


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
    return _hash_text(text)


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
