"""Train several experiments, one after another."""

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bnbench.commands.experiment import BY_DEFAULT, ExperimentRequest, TrainingOptions, results_folder
from bnbench.commands.run import run_experiment
from bnbench.config.load import ConfigSource
from bnbench.errors import BnbenchError
from bnbench.execution.progress import ProgressWatcher
from bnbench.results import digest
from bnbench.results.many_claims import count_verdicts
from bnbench.results.outside import outside_count
from bnbench.results.results import Results
from bnbench.store import results_dir

log = logging.getLogger(__name__)


def run_experiments(
    requests: Sequence[ExperimentRequest],
    make_watcher: Callable[[], ProgressWatcher],
    report_line: Callable[[str], object],
    training: TrainingOptions = BY_DEFAULT,
) -> dict[str, str]:
    """Train what is missing of several experiments, in this order. One that fails does not stop the others.

    Args:
        requests: the experiments.
        make_watcher: makes the progress display of one experiment.
        report_line: is called with a line of text when an experiment has ended.
        training: who trains them.

    Returns:
        The reason of each failure, by the path of the experiment file. A failed trial is a failure, too.

    Raises:
        KeyboardInterrupt: after storing the trials that had finished.
    """
    failed = dict(_sharing_a_folder(requests))
    for request in requests:
        name = str(request.config)
        if name in failed:
            log.error(failed[name])
            continue
        try:
            results = run_experiment(request, make_watcher(), training)
        except BnbenchError as error:
            failed[name] = str(error)
        except Exception as error:
            # A bug of bnbench in one experiment must not stop the others, which may run all night.
            log.error(traceback.format_exc())
            failed[name] = f"{type(error).__name__}: {error}"
        else:
            report_line(summarize_results(results))
            if results.faults:
                failed[name] = f"{len(results.faults)} trial(s) failed; the same command tries them again"
        if name in failed:
            log.error("%s: %s", name, failed[name])
    return failed


def summarize_results(results: Results) -> str:
    """Return a line about an experiment that has been run: its trials, its verdicts and where its report is."""
    made = digest.make_digest(results)
    trials = f"{made.name}: {made.ended} of {made.planned} trials" + (f", {made.failed} failed" if made.failed else "")
    trials += outside_count(len(results.outside))
    return ", ".join(filter(None, (trials, count_verdicts(made.claims), str(results.folder / results_dir.REPORT))))


def _sharing_a_folder(requests: Sequence[ExperimentRequest]) -> Iterator[tuple[str, str]]:
    """Yield the experiments whose results folder is that of an earlier one, or that is given twice."""
    first: dict[Path, ConfigSource] = {}
    for request in requests:
        try:
            folder = results_folder(request)
        except BnbenchError:
            # It is reported when its turn comes.
            continue
        other = first.setdefault(folder, request.config)
        if other is not request.config:
            yield str(request.config), f"{request.config}: has the results folder of {other}: leave one of them out"
