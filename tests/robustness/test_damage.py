from struct import pack

import pytest

from support import damage


def test_no_damage_shows_a_wrong_value_or_crashes() -> None:
    counts = damage.run(10, flips=30)
    assert counts["wrong"] == counts["crashed"] == 0
    assert sum(counts.get(name, 0) for name in damage.HARMS) == 40
    assert sum(counts.get(name, 0) for name in ("refused", "left out", "harmless")) == 40


def test_a_wrong_value_would_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnbench.store.integrity.trial_checksum", lambda stored: "the same for all")
    monkeypatch.setattr(damage, "HARMS", {"digit": lambda content, draw: change_a_value(content)})
    assert damage.run(1)["wrong"] >= 1


def change_a_value(content: bytes) -> bytes:
    """Change the last bit of the test accuracy of the first trial."""
    at = content.index(pack(">d", damage.ended(damage.experiment(), 0).test.accuracy)) + 7
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
