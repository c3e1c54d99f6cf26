"""A fix that changes outcomes changes the ids that it touches, and no others."""

from dataclasses import replace
from typing import Any

import pytest

from bnbench.planning import identity, revisions
from bnbench.planning.revisions import REVISIONS, ProgramSettings, Revision, program_revisions
from support.examples import facts, make_plan


def ids(**changes: Any) -> dict[tuple[str, float, int], str]:
    """Return the ids of the small experiment by variant, learning rate and seed."""
    return {(one.variant, one.learning_rate, one.seed): one.id for one in make_plan(**changes).trials}


def with_revisions(monkeypatch: pytest.MonkeyPatch, *records: Revision) -> dict[tuple[str, float, int], str]:
    monkeypatch.setattr(revisions, "REVISIONS", records)
    return ids()


def test_names_differ() -> None:
    assert len({one.name for one in REVISIONS}) == len(REVISIONS)


def test_without_a_revision_an_id_is_the_hash_of_program_rate_and_seed() -> None:
    assert identity.trial_id("key", 0.1, 3) == identity._digest(["key", 0.1, 3])


def test_a_revision_of_programs_changes_the_ids_of_these_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = with_revisions(monkeypatch)
    fix = Revision("fix", lambda settings: any(one.class_name == "BatchNormalization" for one in settings.layers))
    after = with_revisions(monkeypatch, fix)
    assert {key[0] for key in before if before[key] != after[key]} == {"batchnorm"}
    assert sum(before[key] == after[key] for key in before) == len(before) / 2


def test_a_revision_of_seeds_changes_the_ids_of_these_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    before = with_revisions(monkeypatch)
    after = with_revisions(
        monkeypatch, Revision("fix", lambda settings: True, touches_trial=lambda rate, seed: seed == 1)
    )
    assert {key[2] for key in before if before[key] != after[key]} == {1}
    assert sum(before[key] == after[key] for key in before) == len(before) / 2


@pytest.mark.parametrize("name", ["schedule_free_adam_w", "ScheduleFreeAdamW"])
def test_a_schedule_free_optimizer_has_new_ids_for_every_seed_but_0(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    after = ids(train__optimizer=name)
    monkeypatch.setattr(revisions, "REVISIONS", ())
    before = ids(train__optimizer=name)
    assert {key[2] for key in before if before[key] == after[key]} == {0}
    assert {key[2] for key in before if before[key] != after[key]} == {1}


@pytest.mark.parametrize(
    ("changes", "touched"),
    [
        (
            {
                "train__dtype": "float64",
                "train__schedule": {"polynomial": {"decay_steps": 9, "end_learning_rate": 0.1}},
            },
            True,
        ),
        (
            {
                "train__dtype": "float64",
                "train__schedule": {"polynomial": {"decay_steps": 9, "end_learning_rate": 0.5}},
            },
            False,
        ),
        ({"train__schedule": {"polynomial": {"decay_steps": 9, "end_learning_rate": 0.1}}}, False),
        (
            {
                "train__dtype": "float64",
                "train__schedule": {"piecewise_constant": {"boundaries": [3], "values": [1, 0.1]}},
            },
            True,
        ),
        ({"train__dtype": "float64", "train__schedule": {"cosine": {"decay_steps": 9, "warmup_target": None}}}, False),
        ({"train__dtype": "float64"}, False),
    ],
)
def test_factors_that_float32_cannot_hold_have_new_ids_in_float64(changes: dict[str, Any], touched: bool) -> None:
    program = make_plan(**changes).cohorts[0].program
    settings = ProgramSettings(program.data, program.facts, program.layers, program.train)
    assert ("factors_in_float64" in program_revisions(settings)) == touched


SCHEDULE = {"train__schedule": {"cosine": {"decay_steps": 10}}}
STOPPING = {"train__callbacks": ["early_stopping"]}


@pytest.mark.parametrize(
    ("changes", "touched"),
    [
        ({"train__optimizer": "adam"}, False),
        (STOPPING, False),
        (SCHEDULE, False),
        (SCHEDULE | {"train__dtype": "float64", "sweep__learning_rate": [0.1, 0.3]}, True),
        # Float32 has these rates exactly, so nothing was rounded.
        (SCHEDULE | {"train__dtype": "float64", "sweep__learning_rate": [0.5, 1, 10]}, False),
        ({"train__dtype": "float64"}, False),
        (STOPPING | {"train__on_divergence": "continue"}, True),
        ({"train__callbacks": ["model_checkpoint"], "train__on_divergence": "continue"}, False),
        (
            {
                "train__callbacks": [{"reduce_lr_on_plateau": {"monitor": "val_accuracy"}}],
                "train__on_divergence": "continue",
            },
            False,
        ),
    ],
    ids=str,
)
def test_a_revision_touches_only_what_it_can_have_changed(
    changes: dict[str, Any], touched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = ids(**changes)
    monkeypatch.setattr(revisions, "REVISIONS", ())
    before = ids(**changes)
    assert {key for key in before if before[key] != after[key]} == (set(before) if touched else set())


@pytest.mark.parametrize(
    ("rare_rows", "changes", "touched"),
    [
        ((), {}, False),
        ((2, 30), {}, True),
        ((30, 30), {}, False),
        ((30, 30), {"data__limit": 8}, True),
        # `unit` of a table divides by its own range.
        ((2, 30), {"data__scale": "unit"}, True),
        ((2, 30), {"data__scale": "none"}, False),
        ((2, 30), {"data__scale": "l2"}, False),
    ],
)
def test_trials_that_may_have_a_constant_value_in_training_have_new_ids(
    rare_rows: tuple[int, ...], changes: dict[str, Any], touched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = replace(facts(), rare_rows=rare_rows)
    after = [trial.id for trial in make_plan(of, **changes).trials]
    monkeypatch.setattr(revisions, "REVISIONS", ())
    before = [trial.id for trial in make_plan(of, **changes).trials]
    assert not set(before) & set(after) if touched else before == after


@pytest.mark.parametrize(("name", "scale", "touched"), [
    ("digits", "standard", True), ("digits", "unit", False), ("bag_of_words", "standard", False),
])  # fmt: skip
def test_whole_numbers_have_new_ids_only_where_the_range_of_the_format_is_not_1(
    name: str, scale: str, touched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = replace(facts(), name=name, dtype="uint8", rare_rows=(1, 1))
    changes = {"data__name": name, "data__scale": scale}
    after = [trial.id for trial in make_plan(of, **changes).trials]
    monkeypatch.setattr(revisions, "REVISIONS", ())
    assert ([trial.id for trial in make_plan(of, **changes).trials] != after) is touched


@pytest.mark.parametrize(
    ("layers", "touched"),
    [
        (["masking", {"dense": "$classes"}], True),
        ([{"reshape": [5, 1]}, "masking", "flatten", "masking", {"dropout": 0.1}, {"dense": "$classes"}], True),
        ([{"reshape": [5, 1]}, "masking", {"lstm": 4}, {"dense": "$classes"}], False),
        ([{"reshape": [5, 1]}, "masking", {"dense": 2}, "flatten", {"dense": "$classes"}], False),
        ([{"dense": "$classes"}], False),
    ],
    ids=str,
)
def test_a_mask_that_reaches_the_outputs_has_new_ids(
    layers: list[Any], touched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"model": {"layers": layers}, "variants": {"plain": {}}}
    after = ids(**changes)
    monkeypatch.setattr(revisions, "REVISIONS", [one for one in REVISIONS if one.name != "masked_rows_do_not_count"])
    assert (ids(**changes) != after) == touched


@pytest.mark.parametrize(
    ("recurrent", "touched"), [({"units": 4, "dropout": 0.1}, True), ({"units": 4, "dropout": 0.0}, False)], ids=str
)
def test_layers_that_draw_in_inference_have_new_ids(
    recurrent: dict[str, Any], touched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = [{"reshape": [5, 1]}, {"lstm": recurrent}, {"dense": "$classes"}]
    changes = {"model": {"layers": layers}, "variants": {"plain": {}}}
    after = ids(**changes)
    monkeypatch.setattr(revisions, "REVISIONS", [one for one in REVISIONS if one.name != "evaluation_draws_nothing"])
    assert (ids(**changes) != after) == touched
