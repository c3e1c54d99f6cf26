"""The executors by name, and how to open one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace

from bnbench.errors import ConfigError, not_one_of
from bnbench.execution import in_process, process_pool, ray_cluster
from bnbench.execution.protocols import Executor, ExecutorFactory, ExecutorRequest
from bnbench.planning.resources import WorkerCount

# To add an executor, write a module with its factory and add a line here.
EXECUTORS: dict[str, ExecutorFactory] = {
    "in-process": in_process.open_serial_executor,
    "process-pool": process_pool.open_process_pool,
    "ray": ray_cluster.open_ray_pool,
}

# They train on other machines than this one.
REMOTE = {"ray"}


def is_remote(name: str | None) -> bool:
    """Return whether an executor trains on other machines."""
    return name in REMOTE


def open_executor(request: ExecutorRequest) -> AbstractContextManager[Executor]:
    """Open the executor that the request names.

    By default it trains in worker processes, or with 0 jobs in this process.

    Raises:
        ConfigError: no executor has that name.
    """
    name = request.executor or ("in-process" if request.jobs == 0 else "process-pool")
    if name not in EXECUTORS:
        raise ConfigError("executor", not_one_of(name, EXECUTORS))
    return EXECUTORS[name](request)


def executor_capacity(request: ExecutorRequest) -> WorkerCount:
    """Return how many trials an executor could run at the same time; starts no worker."""
    with open_executor(request) as executor:
        return executor.capacity


class ReusableExecutor:
    """An executor factory that keeps its executor open for the next sweep; closes it when its own block ends.

    Importing TensorFlow in a worker takes as long as ten trials of a smoke run. The next sweep gets the same executor
    if its request differs only in the cohorts. So the first request decides the capacity. If a sweep fails, its
    executor is closed.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._request: ExecutorRequest | None = None

    def __enter__(self) -> "ReusableExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        self._request = None
        self._stack.close()

    @contextmanager
    def __call__(self, request: ExecutorRequest) -> Iterator[Executor]:
        """Return the open executor if it fits the request, or close it and open another."""
        request = replace(request, cohorts=tuple(request.cohorts))
        if self._request is None or replace(self._request, cohorts=request.cohorts) != request:
            self.__exit__()
            self._executor = self._stack.enter_context(open_executor(request))
            self._request = request
        try:
            yield self._executor
        except BaseException:
            self.__exit__()
            raise
