"""Which device trains: the processor, or graphics cards. Nothing here imports TensorFlow.

A card computes other bits than a processor. So its name is part of the ids of its trials; that of a processor is not.
"""

import csv
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bnbench.analysis.labels import format_list
from bnbench.errors import ConfigError

# What a user may ask for.
CPU, GPU, AUTO = "cpu", "gpu", "auto"
QUERY = ("nvidia-smi", "--query-gpu=index,name,uuid", "--format=csv,noheader")
# Seconds that the driver may take to answer.
SECONDS = 20.0
VISIBLE = "CUDA_VISIBLE_DEVICES"
# By default, CUDA counts the fastest card as number 0. With this setting, it uses the numbers of nvidia-smi.
SAME_NUMBERS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
# The identifier of a card, and of a part of a card (multi-instance GPU).
UUID, MIG = "GPU-", "MIG-"


@dataclass(frozen=True)
class Card:
    """A graphics card of this machine."""

    number: int
    name: str
    # For example `GPU-8932f937-d72c-4106-c12f-20bd9faed9f6`.
    uuid: str = ""


def find_cards() -> list[Card]:
    """Return the cards that the driver lists and that CUDA_VISIBLE_DEVICES allows; none without a driver."""
    program = shutil.which(QUERY[0])
    if program is None:
        return []
    try:
        # The words are constants of this module.
        done = subprocess.run(  # noqa: S603
            [program, *QUERY[1:]], capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return visible_cards(parse_cards(done.stdout), os.environ.get(VISIBLE))


def parse_cards(text: str) -> list[Card]:
    """Return the cards that the driver has listed, a line each: `0, NVIDIA H100 80GB HBM3, GPU-8932f937`."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines())]
    return [Card(int(row[0]), row[1], row[2]) for row in rows if len(row) == 3 and row[0].isdecimal()]


def visible_cards(cards: Sequence[Card], allowed: str | None) -> list[Card]:
    """Return the cards that the value of CUDA_VISIBLE_DEVICES allows, in its order; all of them if it is not set.

    As in CUDA, an entry is the number of a card, or the beginning of the UUID of exactly one card. The first entry that
    is neither, and everything after it, is ignored.
    """
    if allowed is None:
        return list(cards)
    chosen: list[Card] = []
    for entry in map(str.strip, allowed.split(",")):
        found = [card for card in cards if _names_card(entry, card)]
        if len(found) != 1:
            break
        chosen += [card for card in found if card not in chosen]
    return chosen


def _names_card(entry: str, card: Card) -> bool:
    """Return whether an entry of CUDA_VISIBLE_DEVICES is the number of a card, or the beginning of its UUID."""
    return entry == str(card.number) or (entry.startswith(UUID) and card.uuid.startswith(entry))


def choose_device(wanted: str | None, recorded: str | None, cards: Sequence[Card]) -> str:
    """Return the name of the cards that train, or an empty text for the processor.

    Args:
        wanted: `cpu`, `gpu` or `auto`; None if the user has not said.
        recorded: what the results folder was trained on, in the same form; None if it has no trials.
        cards: the cards of this machine.

    Raises:
        ConfigError: there is no card, or there are cards of several models, or not those of the results folder.
    """
    if wanted == CPU or (wanted is None and not recorded):
        return ""
    if wanted == AUTO and (recorded == "" or (recorded is None and not cards)):
        return ""
    if not cards:
        raise ConfigError(f"--device {wanted or GPU}", _no_card(recorded, os.environ.get(VISIBLE)))
    names = list(dict.fromkeys(card.name for card in cards))
    if recorded and recorded not in names:
        raise ConfigError(
            f"--device {wanted or GPU}",
            f"found {format_list(names)}, but the results folder was trained on {recorded}, whose bits differ: use "
            "such a card, or another --results-dir",
        )
    if len(names) > 1 and not recorded:
        raise ConfigError(
            f"--device {wanted}", f"found cards of several models ({format_list(names)}): choose some with {VISIBLE}"
        )
    return recorded or names[0]


def _no_card(recorded: str | None, allowed: str | None) -> str:
    """Return the message that there is no card, with what may hide it."""
    found = "no graphics card of NVIDIA is found here"
    if allowed is not None:
        found += f" that {VISIBLE}={allowed} allows"
    if MIG in (allowed or ""):
        found += f"; a part of a card ({MIG}...) cannot be used"
    if not recorded:
        return found
    return f"{found}: the results folder was trained on {recorded}; --device cpu trains anew"


def cards_of(device: str, cards: Sequence[Card]) -> list[int]:
    """Return the numbers of the cards with the name of a device; none for the processor."""
    return [card.number for card in cards if device and card.name == device]
