"""Reads the source files of the installed Keras without importing it, because the import takes seconds."""

import ast
import importlib.util
from functools import cache
from pathlib import Path

from bnbench.errors import ConfigError


@cache
def _root() -> Path:
    # Finds a top-level package without running it.
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        raise ConfigError("", "Keras is not installed: install bnbench with its dependencies")
    return Path(spec.origin).parent


def module_file(module: str) -> Path:
    """Return the file of a Keras module, as `keras.layers`."""
    path = _root().joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def parse_file(path: Path) -> ast.Module:
    """Return the syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported_names(path: Path) -> dict[str, tuple[str, str]]:
    """Return each name that a file imports from Keras -> (its module, its name there)."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(parse_file(path))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keras")
        for alias in node.names
    }
