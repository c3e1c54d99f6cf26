"""An executor that trains on a Ray cluster.

Ray starts actors, moves bytes and notices lost nodes. Which trial a seat gets, and what happens when one is lost, is
decided by the scheduler of the process pool: only its transport is another one. Only this process writes results.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

from bnbench.errors import ConfigError, WorkerError
from bnbench.execution.phases import OnPhase
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import ExecutorRequest
from bnbench.execution.ray_handle import DataInStore, RaySeat
from bnbench.execution.ray_seat import MakeTrainer, Seat, SeatFacts, facts_of_this_node, make_tensorflow_trainer
from bnbench.planning.machine import kind_differences
from bnbench.planning.resources import WorkerCount, worker_memory

log = logging.getLogger(__name__)
# Seconds between two looks at the nodes of the cluster.
LOOK_AT_NODES = 5.0
# After this many seconds without a single seat the run ends.
MAX_SECONDS_WITHOUT_SEAT = 600.0
# A node on which so many seats in a row cannot start gets no further ones.
TRIES = 3
# Seconds within which the head of a cluster must answer.
CONNECT_SECONDS = 10.0
# Settings of the libraries that change bits, and the level of their messages. Seats get those of this process.
PASSED_ON = ("TF_", "XLA_", "ONEDNN_", "DNNL_", "KERAS_")
LOCAL = ("auto", "local", "localhost", "127.0.0.1", "::1")


@dataclass
class Node:
    """A machine of the cluster."""

    host: str
    # How many seats it has room for.
    seats: int
    # Why it gets no seats; empty if it may get some.
    problem: str = ""
    # Seats in a row that could not start.
    failed: int = 0


@contextmanager
def open_ray_pool(request: ExecutorRequest, make_trainer: MakeTrainer | None = None) -> Iterator["RayPool"]:
    """Connect to a cluster, and open a pool with as many seats as were requested, or as it has room for.

    Raises:
        ConfigError: Ray is not installed.
        WorkerError: there is no cluster at the address, or it has no room for a seat.
    """
    address = request.address or "auto"
    ray = _connect(address)
    try:
        make = make_trainer or partial(make_tensorflow_trainer, portable=request.portable)
        starter = RayStarter(ray, request, make)
        pool = RayPool(starter, request.jobs, request.trial_timeout)
        with pool:
            yield pool
    finally:
        ray.shutdown()


def _connect(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "--executor ray",
            "Ray is not installed; install the extra `ray`: pip install '.[ray]' in the checkout of bnbench",
        ) from error
    # The host of an IPv6 address is in brackets.
    if not {address, address.rpartition(":")[0].strip("[]")} & set(LOCAL):
        log.warning("%s: Ray has no access control: whoever reaches this port runs code on all nodes. Use it in a "
                    "network that you trust", address)  # fmt: skip
    host, _, port = address.rpartition(":")
    if port.isdigit():
        # Ray itself tries for minutes.
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise _no_cluster(address, str(error)) from error
    try:
        with _own_signals():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, namespace="bnbench")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, str(error).partition("\n")[0]) from error
    return ray


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore the handlers of signals after the block: Ray has one of its own, which ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _no_cluster(address: str, problem: str) -> WorkerError:
    return WorkerError(
        f"--address {address}: no Ray cluster answers ({problem}): start one with `ray start --head`, and run this "
        "command on one of its nodes"
    )


class RayStarter:
    """A `Starter` whose workers are actors.

    Args:
        ray: the module, which is connected to a cluster.
        request: says what a seat needs, and which kinds of machines it may have.
        make_trainer: makes the trainer of each seat.
    """

    def __init__(self, ray: Any, request: ExecutorRequest, make_trainer: MakeTrainer) -> None:
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self._ray, self._make_trainer = ray, make_trainer
        self._threads = max((cohort.program.train.threads for cohort in request.cohorts), default=1)
        self._memory = max((worker_memory(cohort.program) for cohort in request.cohorts), default=0)
        self._data = DataInStore(ray, request.data_dirs)
        self._kinds, self._mixed, self._portable = set(request.kinds), request.mixed, request.portable
        self._nodes: dict[str, Node] = {}
        self._looked = -LOOK_AT_NODES
        self._started = 0
        self._seats: dict[RaySeat, str] = {}
        self._lock = threading.Lock()

    def room(self) -> int:
        """Return how many seats the cluster has room for, on the nodes that may have some."""
        self._look()
        return sum(node.seats for node in self._nodes.values() if not node.problem)

    def describe(self) -> str:
        """Return for example `on 3 nodes`."""
        count = sum(1 for node in self._nodes.values() if node.seats and not node.problem)
        return f"on {count} node" if count == 1 else f"on {count} nodes"

    @property
    def need(self) -> str:
        """What a seat needs, in words."""
        cores = "1 core" if self._threads == 1 else f"{self._threads} cores"
        return f"a seat needs {cores} and about {self._memory / 1e9:.1f} GB of memory"

    def problems(self) -> list[str]:
        """Return why nodes get no seats."""
        return [node.problem for node in self._nodes.values() if node.problem]

    def start(self) -> RaySeat:
        """Start a seat on the node with the most room for one."""
        self._look()
        used = Counter(self._seats.values())
        free = {key: node.seats - used[key] for key, node in self._nodes.items() if not node.problem}
        if not free:
            raise WorkerError("\n  ".join(["no node of the cluster can train:", *self.problems()]))
        key = max(free, key=lambda one: free[one])
        self._started += 1
        host = self._nodes[key].host
        name = f"{host} seat {self._started}"
        seat = RaySeat(self._ray, name, host, lambda seat: self._start_actor(key), self._receive, self._data)
        self._seats[seat] = key
        seat.listen()
        return seat

    def close(self) -> None:
        """End all seats."""
        for seat in list(self._seats):
            seat.stop()

    def _start_actor(self, node: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        passed_on = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        options = {
            "num_cpus": self._threads,
            "memory": self._memory,
            # The scheduler of the pool tries again; an actor of Ray's own would train trials twice.
            "max_restarts": 0,
            "max_task_retries": 0,
            # One thread waits for messages while the other adds a task.
            "max_concurrency": 2,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False),
            # Ray no longer hides the cards of a node from an actor that asks for none.
            "runtime_env": {"env_vars": {**passed_on, "CUDA_VISIBLE_DEVICES": "-1"}},
        }
        return self._ray.remote(Seat).options(**options).remote(self._make_trainer, self._portable)

    def _look(self) -> None:
        """Look at the nodes of the cluster, unless the last look was a moment ago."""
        if time.monotonic() - self._looked < LOOK_AT_NODES:
            return
        self._looked = time.monotonic()
        try:
            alive = {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}
        # Ray has an error of its own for each of its parts that may be gone.
        except Exception as error:
            raise WorkerError(f"the Ray cluster is gone ({error}); finished trials are stored") from error
        with self._lock:
            self._nodes = {
                key: self._nodes.get(key, Node(node["NodeManagerHostname"], self._seats_on(node["Resources"])))
                for key, node in alive.items()
            }

    def _seats_on(self, resources: Mapping[str, float]) -> int:
        by_memory = resources.get("memory", 0) / max(self._memory, 1)
        return int(min(resources.get("CPU", 0) / self._threads, by_memory))

    def _receive(self, seat: RaySeat, message: tuple[str, Any]) -> None:
        """Pass on a message of a seat; called in its thread."""
        kind, value = message
        if kind == "facts":
            if problem := self._refuse(seat, value):
                seat.refuse(problem)
            return
        if kind in {"hello", "dead"}:
            self._note_start(seat, has_started=kind == "hello")
        self.inbox.put((seat, message))

    def _refuse(self, seat: RaySeat, facts: SeatFacts) -> str:
        """Return why a node may not train; empty if it may."""
        problem = _version_problem(facts, facts_of_this_node())
        with self._lock:
            kind = facts.machine.kind
            if not problem and self._kinds and not self._mixed:
                differences = [kind_differences(known, kind) for known in self._kinds]
                if all(differences):
                    problem = f"{facts.host}: another kind of machine ({differences[0]}); --mixed lets it train, too"
            if problem:
                self._block(seat, problem)
            else:
                self._kinds.add(kind)
        return problem

    def _note_start(self, seat: RaySeat, has_started: bool) -> None:
        with self._lock:
            key = self._seats.get(seat, "")
            node = self._nodes.get(key)
            if has_started:
                seat.has_started = True
                if node:
                    node.failed = 0
            else:
                self._seats.pop(seat, None)
                if node and not seat.has_started and not seat.was_stopped:
                    node.failed += 1
                    if node.failed == TRIES:
                        self._nodes[key].problem = f"{node.host}: {seat.cause_of_death().reason}, {TRIES} times"
                        log.error("%s", node.problem)

    def _block(self, seat: RaySeat, problem: str) -> None:
        node = self._nodes.get(self._seats.get(seat, ""))
        if node and not node.problem:
            node.problem = problem
            log.error("no trials for %s", problem)


def _version_problem(there: SeatFacts, here: SeatFacts) -> str:
    """Return which versions of a node are not those of this process; empty if they are the same."""
    pairs = {"bnbench": (there.bnbench, here.bnbench)}
    pairs |= {name: (there.libraries.get(name, "none"), version) for name, version in here.libraries.items()}
    found = [f"{name} {theirs} there, {ours} here" for name, (theirs, ours) in pairs.items() if theirs != ours]
    return f"{there.host}: other versions: {', '.join(found)}" if found else ""


class RayPool(ProcessPool):
    """An `Executor` whose workers are seats on a cluster.

    Args:
        starter: starts the seats.
        jobs: how many; None: as many as the cluster has room for, also on nodes that join later.
        trial_timeout: seconds for a trial, compilation included.
    """

    def __init__(self, starter: RayStarter, jobs: int | None, trial_timeout: float | None) -> None:
        self._nodes, self._jobs = starter, jobs
        super().__init__(WorkerCount(0), starter, trial_timeout)
        # Failed starts are counted node by node.
        self._workers.tries = 0
        self._since = time.monotonic()
        if not starter.room():
            raise WorkerError("\n  ".join(["the Ray cluster has no room for a seat:", *self._needed()]))

    @property
    def capacity(self) -> WorkerCount:
        """How many seats there can be at this moment."""
        room = self._nodes.room()
        return WorkerCount(max(1, self._jobs or room), self._nodes.describe())

    def _needed(self) -> list[str]:
        return [*self._nodes.problems(), self._nodes.need]

    def _look(self, on_phase: OnPhase, phase: str) -> None:
        """Start seats on new nodes; give up if there has been no seat for long."""
        super()._look(on_phase, phase)
        if self._workers.ready():
            self._since = time.monotonic()
        elif time.monotonic() - self._since > MAX_SECONDS_WITHOUT_SEAT:
            minutes = MAX_SECONDS_WITHOUT_SEAT / 60
            raise WorkerError("\n  ".join([f"no seat for {minutes:g} minutes:", *self._needed()]))
        self._start_missing(self._tasks)
