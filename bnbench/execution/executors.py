"""Where trials run: in this process, or in workers, which may be kept for the next sweep."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from bnbench.data.types import DataDirs
from bnbench.execution.protocols import Executor


@contextmanager
def start_executor(jobs: int, places: DataDirs) -> Iterator[Executor]:
    """So many worker processes; 0: this process, as a debugger or a test may want it."""
    from bnbench.execution import in_process, process_pool, xla_cache

    if jobs:
        make = partial(in_process.InProcessTrainer, places)
        with xla_cache.open_xla_cache(places.cache_dir) as more, process_pool.ProcessPool(jobs, make, more) as started:
            yield started
    else:
        yield in_process.SerialExecutor(in_process.InProcessTrainer(places))


class ReusableExecutor:
    """A `start` whose workers stay for the next sweep, until the block ends; a sweep that fails leaves none.

    Importing TensorFlow takes as long as ten trials of a smoke run.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._asked: tuple[int, DataDirs] | None = None

    def __enter__(self) -> "ReusableExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        self._asked = None
        self._open.close()

    @contextmanager
    def __call__(self, jobs: int, places: DataDirs) -> Iterator[Executor]:
        """The workers of the sweep before, if it had as many; else new ones."""
        if self._asked != (jobs, places):
            self.__exit__()
            self._started = self._open.enter_context(start_executor(jobs, places))
            self._asked = (jobs, places)
        try:
            yield self._started
        except BaseException:
            self.__exit__()
            raise
