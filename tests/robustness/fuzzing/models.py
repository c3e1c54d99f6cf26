"""Plan, check and train made-up experiments: `python -m robustness.fuzzing.models --count 10000 --train 1000`.

An experiment may be refused. It is a bug if anything but a BnbenchError is raised, or if a trial fails although the
check has accepted its program.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from support.paths import ROOT

FOUND = Path(__file__).parent / "found"
# A process makes this many experiments, because TensorFlow keeps some of the memory of each.
PER_PROCESS = 100
# An experiment that takes longer, in seconds, counts as one that broke bnbench.
TIMEOUT = 300


@dataclass(frozen=True)
class Outcome:
    """The outcome of one experiment."""

    number: int
    # `refused by file`, `refused with Keras`, `accepted`, `trained`, or what is wrong: `failed`, `traceback`, `died`.
    kind: str
    seconds: float = 0.0
    # A message, or for a bug a traceback.
    text: str = ""

    @property
    def is_bug(self) -> bool:
        """Return True if bnbench must not do this."""
        return self.kind in {"failed", "traceback", "died"}


def try_experiment(seed: int, number: int, trains: bool) -> Outcome:
    """Plan and check one made-up experiment, and train it if it is accepted and `trains` is True."""
    from support.model_grammar import make_experiment

    began = time.perf_counter()
    try:
        kind, text = _follow(make_experiment(seed, number), trains)
    # Whatever else bnbench raises is the bug that this fuzzer looks for.
    except Exception:
        kind, text = "traceback", traceback.format_exc()
    return Outcome(number, kind, time.perf_counter() - began, text)


def _follow(values: dict[str, Any], trains: bool) -> tuple[str, str]:
    from bnbench.config.load import check_config
    from bnbench.data import access
    from bnbench.data.types import DataDirs
    from bnbench.errors import BnbenchError
    from bnbench.planning.check_key import distinct_programs
    from bnbench.planning.plan import make_plan

    # As from a file: YAML has no tuples.
    values = yaml.safe_load(yaml.safe_dump(values))
    dirs = DataDirs.from_environment(offline=True)
    try:
        plan = make_plan(check_config(values, "made.yaml"), lambda data: access.dataset_info(data, dirs), "made.yaml")
    except BnbenchError as error:
        return "refused by file", str(error)
    trainer = _open_trainer()
    try:
        for program in distinct_programs(cohort.program for cohort in plan.cohorts):
            trainer.check(program)
    except BnbenchError as error:
        return "refused with Keras", str(error)
    return _train(plan, trainer) if trains else ("accepted", "")


def _train(plan: Any, trainer: Any) -> tuple[str, str]:
    from bnbench.planning.trial import Saving

    with TemporaryDirectory() as folder:
        saving = Saving(Path(folder), plan.experiment.save_models)
        for cohort in plan.cohorts:
            for result in trainer.train(cohort.program, iter(cohort.trials), saving, lambda *_: None):
                if result.fault and not result.fault.out_of_memory:
                    return "failed", f"{result.fault.reason}\n{result.fault.traceback}"
    return "trained", ""


def _open_trainer() -> Any:
    """Return a trainer whose Keras has forgotten the models of earlier experiments."""
    from bnbench.data.types import DataDirs
    from bnbench.execution.in_process import InProcessTrainer, load_from

    trainer = InProcessTrainer(load_from(DataDirs.from_environment(offline=True)))
    import keras

    keras.utils.clear_session(free_memory=True)
    return trainer


def work(seed: int, start: int, stop: int, train: int) -> None:
    """Try some experiments in this process; print the number of each before it and its outcome after it, as JSON."""
    # What TensorFlow prints must not come between the lines.
    with os.fdopen(os.dup(1), "w") as lines, contextlib.redirect_stdout(sys.stderr):
        os.dup2(2, 1)
        for number in range(start, stop):
            print(number, file=lines, flush=True)
            outcome = try_experiment(seed, number, trains=train > 0)
            train -= outcome.kind in {"trained", "failed"}
            print(json.dumps(asdict(outcome)), file=lines, flush=True)


def run_processes(seed: int, count: int, train: int) -> Iterator[Outcome]:
    """Yield the outcome of each experiment; a process that dies or hangs costs one experiment."""
    number, left = 0, train
    while number < count:
        stop = min(count, number + PER_PROCESS)
        # The accepted experiments of all processes are trained, not only those of the first.
        share = -(-left * (stop - number) // (count - number))
        command = [sys.executable, "-m", "robustness.fuzzing.models", "--work", f"{seed},{number},{stop},{share}"]
        lines, reason = _run(command, TIMEOUT)
        done = [Outcome(**json.loads(line)) for line in lines if line.startswith("{")]
        yield from done
        left -= sum(outcome.kind in {"trained", "failed"} for outcome in done)
        number += len(done)
        if number < stop:
            yield Outcome(number, "died", text=reason)
            number += 1


def _run(command: list[str], timeout: float) -> tuple[list[str], str]:
    """Return the lines that a process prints, and why it ended; it is killed if it prints nothing for too long."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "out"), Path(folder, "err")
        with output.open("wb") as out, errors.open("wb") as err:
            process = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, env=environment)
            size, since = -1, time.monotonic()
            while process.poll() is None:
                time.sleep(0.2)
                if output.stat().st_size != size:
                    size, since = output.stat().st_size, time.monotonic()
                elif time.monotonic() - since > timeout:
                    process.kill()
                    process.wait()
        ending = errors.read_text(encoding="utf-8", errors="replace")[-3000:]
        return output.read_text(encoding="utf-8").splitlines(), f"exit code {process.returncode}\n{ending}"


def save_bug(seed: int, outcome: Outcome) -> Path:
    """Write the config and what happened to it into the folder `found`."""
    from support.model_grammar import make_experiment

    FOUND.mkdir(exist_ok=True)
    path = FOUND / f"models-{seed}-{outcome.number}.yaml"
    comment = "".join(f"# {line}\n" for line in [outcome.kind, *outcome.text.splitlines()])
    path.write_text(yaml.safe_dump(make_experiment(seed, outcome.number), sort_keys=False) + comment, encoding="utf-8")
    return path


def fuzz_models(seed: int, count: int, train: int) -> int:
    """Try experiments, print their counts, and return how many broke bnbench."""
    counts, slowest, bugs = Counter[str](), Outcome(0, ""), 0
    for outcome in run_processes(seed, count, train):
        counts[outcome.kind] += 1
        slowest = max(slowest, outcome, key=lambda one: one.seconds)
        if outcome.is_bug:
            bugs += 1
            print(f"{save_bug(seed, outcome)}: {outcome.kind}: {outcome.text.strip()[-200:]}", flush=True)
        if outcome.number % PER_PROCESS == PER_PROCESS - 1:
            print(f"{outcome.number + 1:,}: {_listed(counts)}", flush=True)
    print(f"models: {counts.total():,} made, {_listed(counts)}; slowest {slowest.seconds:.0f} s ({slowest.number})")
    return bugs


def main() -> int:
    """Return 1 if an experiment broke bnbench."""
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzzing.models", description=__doc__)
    add_options(parser)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(*map(int, asked.work.split(",")))
        return 0
    return bool(fuzz_models(asked.seed, asked.count, asked.train))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `fuzz_models`."""
    parser.add_argument("--count", type=int, default=10_000, help="experiments to make; default: 10000")
    parser.add_argument("--train", type=int, default=1000, help="accepted experiments to train; default: 1000")
    parser.add_argument("--seed", type=int, default=0, help="of the series; two processes can take two series")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
