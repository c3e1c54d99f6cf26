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
QUERY = ("nvidia-smi", "--query-gpu=index,name", "--format=csv,noheader")
# Seconds that the driver may take to answer.
SECONDS = 20.0
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Card:
    """A graphics card of this machine."""

    number: int
    name: str


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
    """Return the cards that the driver has listed, a line each: `0, NVIDIA H100 80GB HBM3`."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines())]
    return [Card(int(row[0]), row[1]) for row in rows if len(row) == 2 and row[0].isdigit()]


def visible_cards(cards: Sequence[Card], allowed: str | None) -> list[Card]:
    """Return the cards that the value of CUDA_VISIBLE_DEVICES allows; all of them if it is not set."""
    if allowed is None:
        return list(cards)
    numbers = [word.strip() for word in allowed.split(",")]
    # CUDA ignores what follows the first number that is wrong.
    valid = [number for number in numbers if number.isdigit()] if all(map(str.isdigit, numbers)) else []
    return [card for card in cards if str(card.number) in valid]


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
        before = f": the results folder was trained on {recorded}" if recorded else ""
        raise ConfigError(
            f"--device {wanted or GPU}", f"no graphics card of NVIDIA is found here{before}; --device cpu trains anew"
        )
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


def cards_of(device: str, cards: Sequence[Card]) -> list[int]:
    """Return the numbers of the cards with the name of a device; none for the processor."""
    return [card.number for card in cards if device and card.name == device]
