"""Starts a worker that loads TensorFlow while the coordinator still plans.

It imports little, so that the worker starts before everything that the coordinator needs is imported.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bnbench.data.types import DataDirs
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.execution.xla_cache import open_xla_cache

if TYPE_CHECKING:
    from bnbench.execution.in_process import InProcessTrainer


@dataclass(frozen=True)
class MakeTrainer:
    """Makes the trainer of a worker. The coordinator need not import what trains."""

    data_dirs: DataDirs
    on_card: bool = False
    portable: bool = False

    def __call__(self) -> "InProcessTrainer":
        """Import TensorFlow, and return the trainer."""
        from bnbench.execution.in_process import InProcessTrainer, load_from

        return InProcessTrainer(load_from(self.data_dirs), self.on_card, self.portable)


def make_starter(data_dirs: DataDirs, cards: Sequence[int] = (), portable: bool = False) -> WorkerStarter:
    """Return what starts the workers that train with TensorFlow. Nothing starts yet.

    Args:
        data_dirs: where the data and the cache are.
        cards: the graphics cards that the workers share; none for the processor.
        portable: whether trials have the same bits on all x86 processors with AVX2.
    """
    make = MakeTrainer(data_dirs, bool(cards), portable)
    return WorkerStarter(make, open_xla_cache(data_dirs.cache_dir, portable), cards)


@contextmanager
def worker_ahead(data_dirs: DataDirs, portable: bool = False) -> Iterator[WorkerStarter]:
    """Start a worker now, for the pool that will be opened inside the block."""
    starter = make_starter(data_dirs, portable=portable)
    try:
        starter.start_ahead()
        yield starter
    finally:
        starter.close()
