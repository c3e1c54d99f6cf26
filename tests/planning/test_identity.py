"""Properties of the ids of trials that hold for every experiment."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnbench.config.load import check_config, load_config
from bnbench.planning import plan
from bnbench.planning.plan import Plan
from bnbench.training.builder import stream_seed
from support.examples import facts, values

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
ACTIVATIONS = st.sampled_from(["relu", "tanh", "sigmoid", "swish"])
LAYERS = st.one_of(
    st.builds(lambda units: {"dense": units}, st.integers(1, 64)),
    st.builds(lambda units, bias: {"dense": {"units": units, "use_bias": bias}}, st.integers(1, 64), st.booleans()),
    st.builds(lambda name: {"activation": name}, ACTIVATIONS),
    st.builds(lambda rate: {"dropout": rate}, st.floats(0, 0.9)),
    st.builds(lambda k, n: {"repeat": {"times": k, "layers": [{"dense": n}, "norm"]}}, st.integers(1, 3), st.just(4)),
)
NORMS = st.one_of(
    st.sampled_from(["none", "batch", "layer"]),
    st.builds(lambda m, e: {"batch": {"momentum": m, "epsilon": e}}, st.floats(0, 0.999), st.floats(1e-6, 1e-2)),
)
OPTIMIZERS = st.one_of(
    st.sampled_from(["sgd", "adam", "rmsprop"]),
    st.builds(lambda m, n: {"sgd": {"momentum": m, "nesterov": n}}, st.floats(0.01, 0.99), st.booleans()),
)
EXPERIMENTS = st.fixed_dictionaries(
    {
        "title": WORDS,
        "model": st.fixed_dictionaries(
            {
                "params": st.just({"units": 6}),
                "layers": st.lists(LAYERS, max_size=4).map(
                    lambda more: [{"dense": "$units"}, *more, "norm", {"dense": "$classes"}]
                ),
            }
        ),
        "variants": st.dictionaries(NAMES, st.fixed_dictionaries({"norm": NORMS}), min_size=1, max_size=3),
        "train": st.fixed_dictionaries(
            {"epochs": st.integers(1, 50), "batch_size": st.integers(1, 30), "optimizer": OPTIMIZERS}
        ),
        "sweep": st.fixed_dictionaries(
            {
                # Two rates that are one number in float32 are refused.
                "learning_rate": st.lists(st.floats(1e-12, 1e6), min_size=1, max_size=4, unique_by=np.float32),
                "seeds": st.integers(1, 3) | st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=3, unique=True),
                "grid": st.sampled_from([{}, {"train.batch_size": [4, 8]}, {"data.limit": [30, 40]}]),
            }
        ),
    }
).map(lambda changes: values(**changes))
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def planned(experiment: dict[str, Any]) -> Plan:
    return plan.make_plan(check_config(experiment, "made.yaml"), lambda settings: facts(), "made.yaml")


def trials(experiment: dict[str, Any]) -> dict[tuple[Any, ...], str]:
    """Return the id of each trial by variant, learning rate, seed and axis values."""
    return {(t.variant, t.learning_rate, t.seed, *dict(t.axes).values()): t.id for t in planned(experiment).trials}


def turned(value: Any, draw: st.DataObject) -> Any:
    """Return the value with the keys of every mapping in another order."""
    if isinstance(value, list):
        return [turned(item, draw) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: turned(value[key], draw) for key in draw.draw(st.permutations(list(value)))}


@given(EXPERIMENTS)
@MANY
def test_a_recorded_experiment_is_read_back_with_the_same_ids(
    experiment: dict[str, Any],
) -> None:
    first = check_config(experiment, "made.yaml")
    with TemporaryDirectory() as folder:
        path = Path(folder, "made.yaml")
        path.write_text(first.to_yaml(), encoding="utf-8")
        again = load_config(path)
    assert again == first
    assert again.to_yaml() == first.to_yaml()
    assert trials(again.dump()) == trials(experiment)


@given(EXPERIMENTS, st.data())
@MANY
def test_the_order_of_keys_changes_no_id(experiment: dict[str, Any], draw: st.DataObject) -> None:
    assert trials(turned(experiment, draw)) == trials(experiment)


@given(EXPERIMENTS, st.data())
@MANY
def test_settings_that_change_no_result_change_no_id(experiment: dict[str, Any], draw: st.DataObject) -> None:
    first = next(iter(experiment["variants"]))
    claim = {"text": "It trains", "metric": "ok", "of": first, "probability": {"at_least": 0.5}}
    other = experiment | {"title": draw.draw(WORDS), "name": draw.draw(NAMES), "claims": [claim], "save_models": "best"}
    assert trials(other) == trials(experiment)


@given(EXPERIMENTS)
@MANY
def test_trials_that_differ_have_ids_that_differ(experiment: dict[str, Any]) -> None:
    made = planned(experiment)
    programs = {cohort.program.key: cohort.program for cohort in made.cohorts}
    of = {t.id: (c.program.key, t.learning_rate, t.seed) for c in made.cohorts for t in c.trials}
    alike = {(c.program.key, t.learning_rate, t.seed) for c in made.cohorts for t in c.trials}
    assert len(of) == len(alike)
    distinct = {(repr(p.layers), p.train.model_dump_json(), p.data.model_dump_json()) for p in programs.values()}
    assert len(distinct) == len(programs)


def test_the_random_numbers_of_a_seed_do_not_change() -> None:
    """If NumPy changes what a generator draws, raise `identity.ENGINE_VERSION`."""
    generator = np.random.Generator(np.random.PCG64(stream_seed(0, "order")))
    assert generator.permutation(10).tolist() == [9, 7, 0, 6, 2, 4, 5, 3, 1, 8]
