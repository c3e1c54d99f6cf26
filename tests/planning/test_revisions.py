"""A fix that changes outcomes changes the ids that it touches, and no others."""

from typing import Any

import pytest

from bnbench.planning import identity, revisions
from bnbench.planning.revisions import REVISIONS, Revision
from support.examples import make_plan


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
    after = with_revisions(monkeypatch, Revision("fix", lambda settings: True, touches_seed=lambda seed: seed == 1))
    assert {key[2] for key in before if before[key] != after[key]} == {1}
    assert sum(before[key] == after[key] for key in before) == len(before) / 2


@pytest.mark.parametrize("name", ["schedule_free_adam_w", "ScheduleFreeAdamW"])
def test_a_schedule_free_optimizer_has_new_ids_for_every_seed_but_0(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    after = ids(train__optimizer=name)
    monkeypatch.setattr(revisions, "REVISIONS", ())
    before = ids(train__optimizer=name)
    assert {key[2] for key in before if before[key] == after[key]} == {0}
    assert {key[2] for key in before if before[key] != after[key]} == {1}


SCHEDULE = {"train__schedule": {"cosine": {"decay_steps": 10}}}
STOPPING = {"train__callbacks": ["early_stopping"]}


@pytest.mark.parametrize(
    ("changes", "touched"),
    [
        ({"train__optimizer": "adam"}, False),
        (STOPPING, False),
        (SCHEDULE, False),
        (SCHEDULE | {"train__dtype": "float64"}, True),
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
