"""Which device trains, decided for described machines: no test needs a graphics card."""

import subprocess
from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.planning import devices
from bnbench.planning.devices import Card, cards_of, choose_device, find_cards, parse_cards, visible_cards
from support.examples import facts, make_plan, values

H100, OTHER = "NVIDIA H100 80GB HBM3", "NVIDIA RTX A4000"
TWO = [Card(0, H100), Card(1, H100)]
MIXED = [Card(0, H100), Card(1, OTHER)]


@pytest.mark.parametrize(
    ("wanted", "recorded", "cards", "chosen"),
    [
        # The processor, unless somebody asks for a card.
        (None, None, TWO, ""),
        (None, "", TWO, ""),
        ("cpu", None, TWO, ""),
        ("cpu", H100, TWO, ""),
        ("gpu", None, TWO, H100),
        ("auto", None, TWO, H100),
        ("auto", None, [], ""),
        # A folder that was begun goes on as it began.
        (None, H100, TWO, H100),
        ("auto", H100, MIXED, H100),
        ("auto", "", TWO, ""),
        ("gpu", "", TWO, H100),
        ("gpu", OTHER, MIXED, OTHER),
    ],
)
def test_the_device_follows_from_the_wish_the_folder_and_the_machine(
    wanted: str | None, recorded: str | None, cards: list[Card], chosen: str
) -> None:
    assert choose_device(wanted, recorded, cards) == chosen


@pytest.mark.parametrize(
    ("wanted", "recorded", "cards", "message"),
    [
        # There is nothing to train anew in a new folder, or in one that a processor trained.
        ("gpu", None, [], r"--device gpu: no graphics card of NVIDIA is found here$"),
        ("gpu", "", [], r"--device gpu: no graphics card of NVIDIA is found here$"),
        (
            None,
            H100,
            [],
            r"no graphics card .* here: the results folder was trained on NVIDIA H100 .*; --device cpu trains anew",
        ),
        ("auto", H100, [], r"--device auto: no graphics card"),
        (
            "gpu",
            None,
            MIXED,
            r"cards of several models \(NVIDIA H100 80GB HBM3, NVIDIA RTX A4000\): choose some with CUDA",
        ),
        (None, H100, [Card(0, OTHER)], r"found NVIDIA RTX A4000, but the results folder was trained on NVIDIA H100"),
    ],
)
def test_what_cannot_be_done_is_refused(
    wanted: str | None, recorded: str | None, cards: list[Card], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(ConfigError, match=message):
        choose_device(wanted, recorded, cards)


def test_a_message_names_the_variable_that_may_hide_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with pytest.raises(ConfigError, match=r"no graphics card .* here that CUDA_VISIBLE_DEVICES=7 allows$"):
        choose_device("gpu", None, [])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-1c5a")
    with pytest.raises(ConfigError, match=r"CUDA_VISIBLE_DEVICES=MIG-1c5a allows; a part of a card .* cannot be used"):
        choose_device("gpu", None, [])


def test_cards_are_read_from_the_list_of_the_driver() -> None:
    assert parse_cards(f"0, {H100}, GPU-5a\n1, {OTHER}, GPU-7c\n") == [
        Card(0, H100, "GPU-5a"),
        Card(1, OTHER, "GPU-7c"),
    ]
    assert parse_cards("") == parse_cards("No devices were found\n") == []
    assert cards_of(H100, MIXED) == [0]
    assert cards_of("", MIXED) == []


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        (None, [0, 1, 2]),
        ("1", [1]),
        ("0, 1", [0, 1]),
        ("2,0", [2, 0]),
        ("1,1", [1]),
        ("-1", []),
        ("", []),
        ("7", []),
        # The first wrong entry ends the list.
        ("1,-1,0", [1]),
        ("0,x,1", [0]),
        ("0,,1", [0]),
        # The beginning of a UUID is enough if only one card has it.
        ("GPU-5a00", [0]),
        ("GPU-7c33,GPU-5a11", [2, 1]),
        ("GPU-7c,0", [2, 0]),
        ("GPU-5a,2", []),
        ("2,GPU-00,0", [2]),
        ("5a00", []),
        ("MIG-5a00", []),
    ],
)
def test_cards_that_the_user_hides_are_not_used(allowed: str | None, left: list[int]) -> None:
    cards = [Card(0, H100, "GPU-5a00"), Card(1, H100, "GPU-5a11"), Card(2, H100, "GPU-7c33")]
    assert [card.number for card in visible_cards(cards, allowed)] == left


def test_a_driver_that_is_missing_hangs_or_fails_is_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)
    assert find_cards() == []
    monkeypatch.setattr(devices.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    errors: list[Any] = [
        OSError("gone"),
        subprocess.TimeoutExpired("nvidia-smi", 20),
        subprocess.CalledProcessError(9, "x"),
    ]
    for error in errors:

        def fail(*_: Any, error: Any = error, **__: Any) -> Any:
            raise error

        monkeypatch.setattr(devices.subprocess, "run", fail)
        assert find_cards() == []
    done = subprocess.CompletedProcess([], 0, f"0, {H100}, GPU-5a\n1, {H100}, GPU-7c\n", "")
    monkeypatch.setattr(devices.subprocess, "run", lambda *_, **__: done)
    assert [card.number for card in find_cards()] == [0, 1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7c")
    assert find_cards() == [Card(1, H100, "GPU-7c")]


def test_a_card_is_part_of_the_ids_and_a_processor_is_not() -> None:
    from bnbench.config.load import check_config
    from bnbench.planning.plan import make_plan as plan_of

    config = check_config(values(), "tiny.yaml")
    made = {
        device: plan_of(config, lambda settings: facts(), "tiny.yaml", device=device) for device in ("", H100, OTHER)
    }
    ids = {device: {trial.id for trial in plan.trials} for device, plan in made.items()}
    assert ids[""] == {trial.id for trial in make_plan().trials}
    assert not ids[""] & ids[H100]
    assert not ids[OTHER] & ids[H100]
    assert made[H100].device == H100
