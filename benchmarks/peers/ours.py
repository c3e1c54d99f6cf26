"""bnbench's compiled epoch, with the one thread of a trial."""

from collections.abc import Callable

import numpy as np

from benchmarks.networks import NETWORKS, program
from benchmarks.peers import timed
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.training.startup import import_tensorflow


def prepare(name: str, variant: str) -> Callable[[], float]:
    """Prepare the network's epochs; each is one call of the compiled function."""
    import_tensorflow()
    from bnbench.training.compiled_program import CompiledProgram
    from bnbench.training.threads import use_threads

    asked = program(name, variant)
    use_threads(asked.train.threads)
    compiled = CompiledProgram(asked, access.load_dataset(asked.data, DataDirs.from_environment()))
    start = compiled.start(0)
    compiled.reset(start, 1e-4)
    order = np.resize(start.parts.train, asked.batch_size * asked.steps_per_epoch)
    compiled.train_epoch(order)
    epochs = NETWORKS[name].epochs
    return timed(lambda: sum(len(compiled.train_epoch(order)[0]) for _ in range(epochs)))
