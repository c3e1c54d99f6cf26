import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "bnbench"
# From the bottom up: a module imports only from the levels above it in this list, and from its own family.
LEVELS = [
    {"errors"},
    {"keras_names", "reading", "parts", "markdown", "spreadsheets", "labels", "columns", "registry"},
    {"explain", "layers", "plain", "statements"},
    {"config", "shapes"},
    {"tasks", "training_parts", "data"},
    {"plan", "smoke"},
    {"records", "machine", "saved", "cost"},
    {"files"},
    {"model"},
    {"compiled"},
    {"probes"},
    {"engine"},
    {"workers"},
    {"environment", "intervals"},
    {"database"},
    {"checksums"},
    {"store"},
    {"repair"},
    {"analysis", "inputs", "model_files"},
    {"query"},
    {"metrics"},
    {"courses", "differences", "symptoms"},
    {"samples", "cures"},
    {"diagnoses"},
    {"claims", "published"},
    {"results", "sweep", "plots", "progress"},
    {"answer", "caveats", "tables", "interactive", "figures", "found"},
    {"content"},
    {"page"},
    {"report", "compare", "predict"},
    {"text"},
    {"overview"},
    {"reproduce"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: number for number, names in enumerate(LEVELS) for name in names}
HEAVY = {"tensorflow", "keras"}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at whatever depth, but for type checkers' sake."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    skipped = {inner for node in typing_only for inner in ast.walk(node)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "bnbench":
                found |= {f"bnbench.{alias.name}" for alias in node.names}
    return found


def family(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("**/*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    own = family(path)
    below = {name.split(".")[1] for name in imported(path) if name.startswith("bnbench.")} & set(LEVEL)
    assert own in LEVEL
    assert all(LEVEL[name] < LEVEL[own] or name == own for name in below), below


def test_only_the_engine_knows_tensorflow() -> None:
    users = {
        family(path) for path in PACKAGE.glob("**/*.py") if {name.split(".")[0] for name in imported(path)} & HEAVY
    }
    assert users == {"model", "compiled", "probes", "engine"}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["run", "--help"],
        ["plan", "configs/quickstart.yaml"],
        ["data", "list"],
        ["plan", "configs/smoke.yaml", "--json"],
        ["compare", "--help"],
        ["predict", "--help"],
        ["reproduce", "quickstart", "--smoke", "--budget", "0s"],
    ],
    ids=" ".join,
)
def test_commands_that_train_nothing_load_no_tensorflow(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from bnbench.cli import main\n"
        f"try: main({words!r})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "loaded = {'tensorflow', 'keras'} & set(sys.modules); assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
