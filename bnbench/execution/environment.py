"""The environment of a run: versions, commit, processor, threads, data."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.planning.identity import ENGINE_VERSION
from bnbench.planning.machine import processor_name, this_machine, vector_instructions
from bnbench.planning.plan import Plan, Program
from bnbench.store.privacy import folder_hint

# Changes in `results` are left out: results are not part of the code that made them.
CHANGES = ("status", "--porcelain", "--", ".", ":(exclude)results")
PACKAGES = ("bnbench", "keras", "tensorflow", "numpy", "pandas", "scikit-learn", "matplotlib")


def describe_environment(
    plan: Plan, devices: Sequence[str], jobs: int, data_dirs: DataDirs, portable: bool = False
) -> dict[str, Any]:
    """Return the environment as values for JSON; unknown values are None.

    Args:
        plan: what is trained.
        devices: the devices that TensorFlow can use.
        jobs: the number of workers, or 0 if this process trains.
        data_dirs: where the data are.
        portable: whether trials have the same bits on all x86 processors with AVX2.
    """
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": processor_name(),
        "instructions": vector_instructions(this_machine(portable=portable).kind) or None,
        "portable": portable,
        "cores": os.cpu_count(),
        "devices": list(devices),
        "packages": {name: _version(name) for name in PACKAGES},
        "engine_version": ENGINE_VERSION,
        "commit": checkout_commit(),
        "uncommitted_changes": bool(changes) if (changes := _git(*CHANGES)) is not None else None,
        "jobs": jobs,
        "threads_a_trial": sorted({cohort.program.train.threads for cohort in plan.cohorts}),
        "engines": sorted({cohort.program.train.engine for cohort in plan.cohorts}),
        "data": {
            program.data.path or program.facts.name: _describe_data(program, data_dirs)
            for program in (cohort.program for cohort in plan.cohorts)
        },
    }


def _describe_data(program: Program, data_dirs: DataDirs) -> dict[str, Any]:
    """Return what identifies the rows; for own data also the folder of their path and the shape of a row."""
    facts = program.facts
    described: dict[str, Any] = {
        "form": facts.form,
        "fingerprint": facts.fingerprint,
        "rows": facts.rows,
        "classes": list(facts.classes),
    }
    if not program.data.path:
        return described
    return {
        **described,
        "folder": folder_hint(Path(access.data_folder(program.data, data_dirs))),
        "shape": list(facts.shape),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def checkout_commit() -> str | None:
    """Return the commit of the checkout that bnbench runs from, or None if there is no checkout."""
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str | None:
    """Return the output of git for the checkout that bnbench runs from, or None if there is no checkout."""
    root = Path(__file__).resolve().parent.parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), *arguments]
    try:
        # The arguments are constants of this module.
        output = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return output.stdout.strip()
