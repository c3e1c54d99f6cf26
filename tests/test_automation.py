"""Workflows, the action, the hooks of pre-commit and the Dockerfile are valid, and have only the rights they need."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bnbench.cli.main import main
from support.broken_texts import GOOD
from support.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
SCRIPT = ROOT / ".github" / "run-experiment.sh"
# A commit, or a major version as the documentation of actions by GitHub itself has it.
PINNED = re.compile(r"actions/[\w-]+@v\d+|[\w./-]+@[0-9a-f]{40}")


def load(path: Path) -> dict[str, Any]:
    """Read a file as YAML 1.2, in which `on` is text."""
    return {str(key).replace("True", "on"): value for key, value in yaml.safe_load(path.read_text()).items()}


def steps(parsed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the steps of a workflow or of an action."""
    for job in parsed.get("jobs", {"action": parsed.get("runs", {})}).values():
        yield from job.get("steps", [])


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_it_is_what_github_expects(path: Path) -> None:
    vendored = pytest.importorskip("check_jsonschema", reason="the schemas of GitHub's files are not installed")
    kind = "github-actions" if path == ACTION else "github-workflows"
    schema = Path(vendored.__file__).parent / "builtin_schemas" / "vendor" / f"{kind}.json"
    import jsonschema

    # The schema has the key as text, as YAML 1.2 reads it.
    jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(load(path))


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_every_action_is_pinned(path: Path) -> None:
    used = [step["uses"] for step in steps(load(path)) if "uses" in step]
    assert used
    assert [name for name in used if not PINNED.fullmatch(name)] == []


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_no_expression_becomes_a_part_of_a_script(path: Path) -> None:
    assert [step["run"] for step in steps(load(path)) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_has_an_end(path: Path) -> None:
    parsed = load(path)
    assert {"name", "on", "permissions", "jobs"} <= parsed.keys()
    assert parsed["permissions"] == {"contents": "read"}
    # Code of a pull request never runs with the rights of the repository.
    assert "pull_request_target" not in parsed["on"]
    for name, job in parsed["jobs"].items():
        assert job["timeout-minutes"] <= 60, name
        assert job["runs-on"].startswith("ubuntu-"), name
    checkouts = [step for step in steps(parsed) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_only_the_job_that_publishes_may_write_and_it_runs_no_code_of_ours() -> None:
    jobs = load(ROOT / ".github" / "workflows" / "docs.yml")["jobs"]
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]
    publish = jobs["publish"]
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert "refs/heads/main" in publish["if"]
    assert [step.get("uses", "").partition("@")[0] for step in publish["steps"]] == ["actions/deploy-pages"]


def test_the_workflows_call_targets_of_make() -> None:
    listed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    lines = [step["run"] for path in WORKFLOWS for step in steps(load(path)) if "run" in step]
    called = {target for line in lines if line.startswith("make ") for target in line.split()[1:]}
    assert called == {"lint", "types", "run", "test", "docs"}
    assert all(f"make {target} " in listed for target in called)


def test_the_action_declares_what_it_uses() -> None:
    parsed = load(ACTION)
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(parsed["runs"])))
    assert used == {*parsed["inputs"]}
    assert all(one["description"] for one in parsed["inputs"].values())


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the surroundings of a job, with a `bnbench` that notes how it is called and writes a report."""
    program = tmp_path / "bin" / "bnbench"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/bash\necho "$@" >> "$CALLS"\n'
        'if [ "$1" = check ]; then exit 3; fi\n'
        'mkdir -p "${@: -1}/wine" && printf "# Wine\\n\\n![a](plots/b.png)\\n" > "${@: -1}/wine/report.md"\n'
        'exit "$RUN_ENDS"\n',
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    names = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary", "CALLS": "calls", "RUNNER_TEMP": "temp"}
    for name, file in names.items():
        monkeypatch.setenv(name, str(tmp_path / file))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("OPTIONS", "--smoke -o train.epochs=5")
    return tmp_path


@pytest.mark.parametrize(("ends", "check", "expected"), [(0, "false", 0), (0, "true", 3), (1, "true", 1)])
def test_the_action_shows_the_report_and_ends_as_the_experiment_does(
    job: Path, monkeypatch: pytest.MonkeyPatch, ends: int, check: str, expected: int
) -> None:
    monkeypatch.setenv("RUN_ENDS", str(ends))
    monkeypatch.setenv("CHECK", check)
    monkeypatch.setenv("CONFIG", "a file; touch b.yaml")
    assert subprocess.run(["bash", str(SCRIPT)], cwd=job, check=False).returncode == expected
    run, *checked = (job / "calls").read_text(encoding="utf-8").splitlines()
    assert run == f"run a file; touch b.yaml --smoke -o train.epochs=5 --results-dir {job}/temp/bnbench"
    assert checked == ([f"check {job}/temp/bnbench/wine/"] if (ends, check) == (0, "true") else [])
    assert (job / "summary").read_text(encoding="utf-8") == "# Wine\n\n"
    assert (job / "output").read_text(encoding="utf-8") == f"results={job}/temp/bnbench\n"
    assert not (job / "b.yaml").exists()


def test_a_hook_validates_experiment_files(tmp_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [(hook["id"], hook["language"]) for hook in hooks] == [
        ("bnbench-validate", "python"),
        ("bnbench-validate-installed", "system"),
    ]
    good, broken = tmp_path / "good.yaml", tmp_path / "broken.yaml"
    good.write_text(GOOD, encoding="utf-8")
    broken.write_text(GOOD + "\nunknown: 1\n", encoding="utf-8")
    for hook in hooks:
        assert {"name", "description", "entry", "types", "files"} <= hook.keys()
        program, *words = hook["entry"].split()
        assert program == "bnbench"
        assert CliRunner().invoke(main, [*words, str(good)]).exit_code == 0
        assert CliRunner().invoke(main, [*words, str(good), str(broken)]).exit_code == 2
        assert re.search(hook["files"], "configs/leaf.yaml")
        assert re.search(hook["files"], "a/experiments/b/c.yml")
        assert not re.search(hook["files"], ".github/workflows/docs.yml")


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_image_is_pinned_small_and_needs_no_rights() -> None:
    found = instructions()
    names = [name for name, _ in found]
    values: dict[str, list[str]] = {}
    for name, value in found:
        values.setdefault(name, []).append(value)
    (base,) = values["FROM"]
    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-\w+", base)
    assert values["USER"] == ["1000:1000"]
    # After the last command that needs rights.
    assert names.index("USER") > max(place for place, name in enumerate(names) if name in {"RUN", "COPY"})
    for command in values["RUN"]:
        if "pip install" in command:
            assert "--no-cache-dir" in command
            assert "--constraint requirements.lock" in command
        assert not re.search(r"\bsudo\b|apt-get (?!.*--no-install-recommends)|\bcurl\b|\bwget\b", command)
    assert "ADD" not in names
    assert all(json.loads(value) for name in ("ENTRYPOINT", "CMD") for value in values[name])


def test_the_image_is_built_from_files_that_exist_and_no_others() -> None:
    copied = [word for name, value in instructions() if name == "COPY" for word in value.split()[:-1]]
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"]
    assert all((ROOT / name).exists() for name in copied)
    assert sorted(copied) == sorted(kept)


def installed(name: str) -> str:
    """Return the path of a program of the development tools; they are left out with the lowest versions."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = installed("hadolint")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_script_of_the_action_is_free_of_slips() -> None:
    shellcheck = installed("shellcheck")
    done = subprocess.run([shellcheck, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
