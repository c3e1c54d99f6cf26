"""Library versions that do not depend on what is installed: they are part of every trial's id."""

import pytest

from bnbench.planning import identity

# The versions that wrote tests/store/stored_formats.
VERSIONS = {"keras": "3.15", "tensorflow": "2.21"}


def fix_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute ids as if these versions were installed."""
    monkeypatch.setattr(identity, "library_versions", lambda: dict(VERSIONS))
