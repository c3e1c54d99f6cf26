"""Finds the probes in this folder, and runs those that a trial needs."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from bnbench.analysis.asked_probes import PROBED
from bnbench.planning.plan import Program
from bnbench.planning.trial import Series
from bnbench.training import probes
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_errors import blamed_on
from bnbench.training.probes.types import Length, Moment, Probe, Value, When
from bnbench.training.seed_state import RowIndices, SeedState


@cache
def find_probes() -> tuple[Probe, ...]:
    """Return the `PROBE` of every module in this folder, sorted by file name."""
    names = sorted(module.name for module in iter_modules(probes.__path__))
    modules = [import_module(f"{probes.__name__}.{name}") for name in names]
    return tuple(module.PROBE for module in modules if hasattr(module, "PROBE"))


def wanted_probes(program: Program) -> list[Probe]:
    """Return the probes that always measure, and the probes that the settings or the experiment ask for."""
    return [probe for probe in find_probes() if _is_wanted(probe, program)]


def _is_wanted(probe: Probe, program: Program) -> bool:
    if probe.asked:
        return probe.name in dict(program.probes)
    return not probe.asked_for_by or bool(getattr(program.train, probe.asked_for_by))


class Recorder:
    """Runs the probes of one trial and collects what they measure."""

    def __init__(self, compiled: CompiledProgram, start: SeedState, batch: RowIndices) -> None:
        self._compiled, self._start, self._batch = compiled, start, batch
        self._probes = wanted_probes(compiled.program)
        self._steps = {probe.name: self._steps_of(probe) for probe in self._probes}
        self._kept: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        # (name, layer, unit) -> positions and values.
        self._points: defaultdict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)

    def _steps_of(self, probe: Probe) -> set[int]:
        program = self._compiled.program
        looks = dict(program.probes).get(probe.name, 0)
        per_epoch = program.steps_per_epoch
        return set(probe.steps(Length(program.train.epochs * per_epoch, per_epoch, looks)))

    def looks(self, first: int, last: int) -> list[int]:
        """Return the steps from the first one to that before the last one at which a probe measures, ascending."""
        wanted = set().union(*self._steps.values())
        return sorted(step for step in wanted if first <= step < last)

    def measure(self, when: When, epoch: int, step: int = 0) -> None:
        """Run the probes of this moment.

        Args:
            when: the moment.
            epoch: how many epochs the trial has trained.
            step: how many steps.
        """
        for probe in self._probes:
            if probe.when is when:
                self._run(probe, epoch, step, self._batch, epoch)

    def measure_at(self, step: int, rows: RowIndices, epoch: int) -> None:
        """Run the probes that measure at this step.

        Args:
            step: how many steps the trial has trained.
            rows: the mini-batch of the next step.
            epoch: the epoch of the next step, from 1.
        """
        for probe in self._probes:
            if step in self._steps[probe.name]:
                self._run(probe, epoch, step, rows, step)

    def _run(self, probe: Probe, epoch: int, step: int, rows: RowIndices, position: int) -> None:
        moment = Moment(self._compiled, self._start, rows, epoch, step, self._kept[probe.name])
        for value in self._values(probe, moment):
            at = position if value.position is None else value.position
            self._points[value.name, value.layer, value.unit or probe.unit].append((at, value.value))

    def _values(self, probe: Probe, moment: Moment) -> Iterable[Value]:
        """Return what a probe measures. If one that was asked for fails, its place in the experiment is named."""
        if not probe.asked:
            return probe.measure(moment)
        place = replace(self._compiled.program.where, steps=("probes",))
        with blamed_on(place, f"{probe.name} cannot be measured in this network"):
            return list(probe.measure(moment))

    def series(self) -> tuple[Series, ...]:
        """Return what was measured so far, in the order of the probes, and which probes were asked for."""
        arrays = {key: np.array(points, np.float64) for key, points in self._points.items()}
        measured = (Series(*key, points[:, 0], points[:, 1]) for key, points in arrays.items())
        return (*measured, *(probed_series(name, looks) for name, looks in self._compiled.program.probes))


def probed_series(name: str, looks: int) -> Series:
    """Return the series of one value that says that a trial was asked to run a probe, with so many looks."""
    return Series(PROBED, name, "", np.zeros(1), np.array([looks], np.float64))
