"""The commands and examples of the README and of the reference work. Training is shortened."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from matplotlib import pyplot, rc_context
from PIL import Image
from sklearn.datasets import load_wine

import bnbench
from bnbench.analysis.registry import METRICS
from bnbench.cli.main import main
from bnbench.config.expectations import Bound, Claim
from bnbench.config.load import check_config, load_config
from bnbench.config.schema import Data, Experiment, Split, Sweep, Train, Variant
from bnbench.config.yaml_loader import dump_yaml, parse_yaml, read_yaml
from bnbench.data.types import DatasetInfo
from bnbench.execution import executors
from bnbench.planning import plan
from bnbench.planning.part import Part
from bnbench.training.threads import use_threads
from support.examples import facts
from support.kept import compared
from support.paths import ROOT
from support.quick import compile_once, use_graphs, write_no_report

README = (ROOT / "README.md").read_text(encoding="utf-8")
START, TUTORIAL = ((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("start", "tutorial"))
REFERENCE = {page.stem: page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md")}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def first_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder `results` after what `make run` does. Tests that change it make a copy."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch, tmp_path_factory)
        patch.chdir(folder)
        invoke(f"run {ROOT}/configs/quickstart.yaml --smoke")
    return folder / "results"


def train_here(patch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let commands train in this process and compile each program once, as a graph."""
    use_threads(1)
    compile_once(patch)
    use_graphs(patch)
    patch.setitem(executors.EXECUTORS, "process-pool", executors.EXECUTORS["in-process"])
    patch.setenv("BNBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder for commands, which train in this process and compile each program once."""
    train_here(monkeypatch, tmp_path_factory)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8), 128).save("digit.png")
    load_wine(as_frame=True).frame.to_csv("wine.csv", index=False)
    Path("notify.sh").write_text("exit 0\n", encoding="utf-8")
    Path("mine.yaml").write_text(blocks(README, "yaml")[0], encoding="utf-8")
    Path("small-batches.yaml").write_text(blocks(TUTORIAL, "yaml")[0], encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "count"),
    [(README, 3), (REFERENCE["command-line"], 11), (START, 4), (TUTORIAL, 8)],
    ids=["readme", "reference", "start", "tutorial"],
)
def test_the_commands_work(text: str, count: int, place: Path, first_results: Path) -> None:
    lines = [line for block in blocks(text, "sh") for line in block.splitlines() if line.startswith("bnbench ")]
    assert len(lines) >= count
    shutil.copytree(first_results, place / "results")
    for line in lines:
        assert invoke(line), line


def invoke(line: str) -> str:
    """Call a command in this process, cut to seconds, and return its output. Only the first run writes a report."""
    words = shlex.split(line, comments=True)
    words = words[1:] if words[0] == "bnbench" else words
    if words[0] in {"run", "plan", "reproduce"} and "--smoke" not in words:
        words.append("--smoke")
    if "--executor" in words:
        # tests/execution/test_ray_cluster.py has a cluster.
        at = words.index("--executor")
        words = words[:at] + words[at + 2 :]
    words = [re.sub(r"^(results/\S*(?:quickstart|mine|small-batches))$", r"\1-smoke", word) for word in words]
    with pytest.MonkeyPatch.context() as patch:
        if words[0] in {"run", "reproduce"} and Path("results").exists():
            write_no_report(patch)
        done = CliRunner().invoke(main, words, prog_name="bnbench", catch_exceptions=False)
    assert done.exit_code == 0, (line, done.stderr)
    return done.stdout


def test_the_slurm_script_has_as_many_parts_as_the_experiment_of_the_readme_has_seeds() -> None:
    page = (ROOT / "docs" / "how-to" / "several-machines.md").read_text(encoding="utf-8")
    (count,) = map(int, re.findall(r"#SBATCH --array=1-(\d+)\n", page))
    (experiment,) = (text for text in blocks(README, "yaml") if text.startswith("name: mine"))
    seeds = load_config(parse_yaml(experiment, "mine.yaml")).sweep.seed_list()
    assert all(Part(number, count).seeds(seeds) for number in range(1, count + 1))
    assert f"bnbench merge results/mine results/mine-part-*-of-{count}\n" in page


def test_the_make_targets_exist() -> None:
    listed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    named = re.findall(r"^make (\w+)", "\n".join(blocks(README, "sh")), re.MULTILINE)
    assert named
    assert all(f"make {target} " in listed for target in named)


@pytest.mark.parametrize(
    ("text", "of", "trials"),
    [
        (README, facts((8, 8), rows=1797, classes=10), 75),
        (REFERENCE["experiment-file"], facts((192,), rows=990, classes=99), 140),
    ],
    ids=["readme", "reference"],
)
def test_the_experiment_of_the_page_is_valid(text: str, of: DatasetInfo, trials: int) -> None:
    block = blocks(text, "yaml")[0]
    experiment = check_config(parse_yaml(block, "page.md"), "page.md")  # type: ignore[arg-type]
    planned = plan.make_plan(experiment, lambda settings: of, "page.md")
    assert len(planned.trials) == trials
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment


def test_the_python_lines_work(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block, _, figures = blocks(REFERENCE["python"], "python")
    namespace: dict[str, Any] = {}
    write_no_report(monkeypatch)
    exec(block, namespace)  # noqa: S102  our own page
    assert len(namespace["results"].trials) == 18
    exec(figures, namespace)  # noqa: S102
    assert Path("rates.pdf").is_file()
    pyplot.close("all")


def test_the_experiment_in_python_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    _, block, _ = blocks(REFERENCE["python"], "python")
    configs: list[Any] = []
    monkeypatch.setattr(bnbench, "run", configs.append)
    exec(block, {"bnbench": bnbench})  # noqa: S102  our own page
    of = facts((8, 8), rows=1797, classes=10)
    assert len(plan.make_plan(load_config(configs[0]), lambda settings: of, "config").trials) == 24


def test_the_six_steps_print_both_accuracies_in_percent(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The network, its rate and its seed are those of the example; the images are included ones, a few of them.
    config = read_yaml(ROOT / "configs" / "mnist-six-steps.yaml")
    small = {"data": {"name": "digits", "scale": "unit", "limit": 200}, "claims": []}
    small["sweep"] = {"learning_rate": 1e-3, "seeds": 1}
    small["variants"] = {"plain": config["variants"]["plain"]}  # type: ignore[index]
    (place / "small.yaml").write_text(dump_yaml({**config, **small}), encoding="utf-8")
    (block,) = blocks((ROOT / "docs" / "explanation" / "six-steps.md").read_text(encoding="utf-8"), "python")
    assert block.count("configs/mnist-six-steps.yaml") == 1
    write_no_report(monkeypatch)
    namespace: dict[str, Any] = {}
    exec(block.replace("configs/mnist-six-steps.yaml", "small.yaml"), namespace)  # noqa: S102  our own page
    trial = namespace["results"].trials.iloc[0]
    printed = [f"accuracy: {100 * trial[part]:.2f}%" for part in ("fitted_score", "test_score")]
    assert capsys.readouterr().out.splitlines() == printed


def test_the_metric_of_the_how_to_measures_what_it_says() -> None:
    page = (ROOT / "docs" / "how-to" / "add-a-metric.md").read_text(encoding="utf-8")
    namespace: dict[str, Any] = {}
    exec(blocks(page, "python")[0], namespace)  # noqa: S102  our own page
    # One that ends at its best, one that ends 0.1 below it, and one that diverged.
    lines = [("a", 0.5, 0.8, 0.8, "ok"), ("b", 0.9, 0.7, 0.8, "ok"), ("c", 0.9, 0.1, 0.1, "nonfinite")]
    trials = pd.DataFrame([(trial, last, outcome) for trial, _, _, last, outcome in lines])
    trials.columns = pd.Index(["trial", "validation_score", "outcome"])
    history = pd.DataFrame([(trial, score) for trial, first, second, _, _ in lines for score in (first, second)])
    history.columns = pd.Index(["trial", "validation_score"])
    measured = namespace["LATE_LOSS"].measure_trials(trials, history)
    assert measured.round(9).fillna(-1).tolist() == [0.0, 0.1, -1]


def test_the_figure_of_the_how_to_is_drawn(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = blocks((ROOT / "docs" / "how-to" / "paper-figure.md").read_text(encoding="utf-8"), "python")
    compared(
        place / "results" / "quickstart", {"plain": [[0.8, 0.9], [0.9, 0.9]], "batchnorm": [[0.8, 0.8], [0.9, 0.95]]}
    )
    with rc_context():
        namespace: dict[str, Any] = {}
        exec(first + second, namespace)  # noqa: S102  our own page
    assert b"/Type0" in Path("differences.pdf").read_bytes()
    assert b"/Type3" not in Path("differences.pdf").read_bytes()
    assert Path("rates.pdf").is_file()
    pyplot.close("all")


def test_every_key_is_described() -> None:
    pages = "".join(REFERENCE[name] for name in ("experiment-file", "claims", "own-data"))
    for part in (Experiment, Data, Split, Variant, Train, Sweep, Claim, Bound):
        for key in part.model_fields:
            assert re.search(rf"\b{key}\b", pages), key


def test_every_metric_of_a_claim_is_described() -> None:
    assert [name for name in METRICS if f"`{name}`" not in REFERENCE["claims"]] == []
