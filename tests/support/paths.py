"""Where the project's files lie, for tests that read them."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "bnbench"
CONFIGS = ROOT / "configs"
