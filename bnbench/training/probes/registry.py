"""Finds the probes in this folder, and runs those that a trial needs."""

from collections import defaultdict
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import numpy as np

from bnbench.config.schema import Train
from bnbench.planning.trial import Series
from bnbench.training import probes
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.types import Moment, Probe, When
from bnbench.training.seed_state import RowIndices, SeedState


@cache
def find_probes() -> tuple[Probe, ...]:
    """Return the `PROBE` of every module in this folder, sorted by file name."""
    names = sorted(module.name for module in iter_modules(probes.__path__))
    modules = [import_module(f"{probes.__name__}.{name}") for name in names]
    return tuple(module.PROBE for module in modules if hasattr(module, "PROBE"))


def wanted_probes(train: Train) -> list[Probe]:
    """Return the probes that always measure, and the probes that the settings ask for."""
    return [probe for probe in find_probes() if not probe.asked_for_by or getattr(train, probe.asked_for_by)]


class Recorder:
    """Runs the probes of one trial and collects what they measure."""

    def __init__(self, compiled: CompiledProgram, start: SeedState, batch: RowIndices) -> None:
        self._compiled, self._start, self._batch = compiled, start, batch
        self._probes = wanted_probes(compiled.program.train)
        # (name, layer, unit) -> positions and values.
        self._points: defaultdict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)

    def measure(self, when: When, epoch: int) -> None:
        """Run the probes of this moment."""
        moment = Moment(self._compiled, self._start, self._batch, epoch)
        for probe in self._probes:
            if probe.when is when:
                for value in probe.measure(moment):
                    position = epoch if value.position is None else value.position
                    self._points[value.name, value.layer, probe.unit].append((position, value.value))

    def series(self) -> tuple[Series, ...]:
        """Return what was measured so far, in the order of the probes."""
        arrays = {key: np.array(points, np.float64) for key, points in self._points.items()}
        return tuple(Series(*key, points[:, 0], points[:, 1]) for key, points in arrays.items())
