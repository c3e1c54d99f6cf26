"""Paths of the project's files, for tests that read them."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "bnbench"
CONFIGS = ROOT / "configs"
