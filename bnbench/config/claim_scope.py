"""Checks that claims and published values name only what their experiment has: variants, rates, axes, epochs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bnbench.analysis.labels import RateFormat, format_count
from bnbench.config.expectations import Claim, Published
from bnbench.errors import ConfigError, not_one_of
from bnbench.location import Location

EPOCHS = "train.epochs"


@dataclass(frozen=True)
class ClaimScope:
    """What a claim may name.

    Attributes:
        variants: the name of each variant, with the number of epochs that its trainings have; an axis over
            `train.epochs` replaces it.
        grid: the values of each further axis.
    """

    variants: Mapping[str, int]
    baseline: str
    rates: Sequence[float]
    grid: Mapping[str, Sequence[Any]]


def check_claim(claim: Claim, known: ClaimScope, where: Location) -> None:
    """Raise if a claim names something that its experiment does not have.

    Raises:
        ConfigError: a variant, learning rate or value of a further axis is unknown, a claim compares a variant with
            itself, or is about an epoch after the last one.
    """
    for key, name in (("of", claim.of), ("over", claim.over)):
        if name is not None and name not in known.variants:
            raise ConfigError(where / key, not_one_of(name, known.variants))
    if not claim.alone and claim.of == (claim.over or known.baseline):
        raise ConfigError(where / "over", f"{claim.of!r} compared with itself: name another variant")
    check_cell(claim.at, claim.where, known, where)
    if claim.across is not None:
        _check_axis(claim.across, known, where / "across")
        if claim.across in claim.where:
            raise ConfigError(where / "across", f"{claim.across} is also under 'where': leave one of them out")
    compared = [claim.of] if claim.alone else [claim.of, claim.over or known.baseline]
    _check_epoch(claim.epoch, compared, claim.where, known, where / "epoch")


def check_published(published: Published, known: ClaimScope, where: Location) -> None:
    """Raise if a published value names something that the experiment does not have.

    Raises:
        ConfigError: a variant, learning rate or value of a further axis is unknown, or the epoch is after the last
            one.
    """
    if published.variant not in known.variants:
        raise ConfigError(where / "variant", not_one_of(published.variant, known.variants))
    check_cell(published.at, published.where, known, where)
    _check_epoch(published.epoch, [published.variant], published.where, known, where / "epoch")


def check_cell(at: float | str, values: Mapping[str, Any], known: ClaimScope, where: Location) -> None:
    """Raise if a learning rate, or a value of a further axis, is not one of the experiment."""
    if at != "best" and at not in known.rates:
        raise ConfigError(where / "at", not_one_of(at, map(RateFormat(known.rates, digits=6), known.rates)))
    for axis, value in values.items():
        _check_axis(axis, known, where / "where")
        if value not in known.grid[axis]:
            raise ConfigError(where / "where" / axis, not_one_of(value, map(str, known.grid[axis])))


def _check_axis(axis: str, known: ClaimScope, where: Location) -> None:
    if axis not in known.grid:
        raise ConfigError(where, not_one_of(axis, known.grid) if known.grid else f"{axis!r}: sweep.grid has no axes")


def _check_epoch(
    epoch: int | None, variants: Iterable[str], values: Mapping[str, Any], known: ClaimScope, where: Location
) -> None:
    for variant in variants:
        last = _last_epoch(variant, values, known)
        if epoch is not None and epoch > last:
            trained = format_count(last, "epoch")
            raise ConfigError(where, f"{epoch} is after the last epoch: {variant} trains for {trained}")


def _last_epoch(variant: str, values: Mapping[str, Any], known: ClaimScope) -> int:
    """Return the number of epochs of a variant; with an axis over it, the smallest that a claim is about."""
    swept = [values[EPOCHS]] if EPOCHS in values else known.grid.get(EPOCHS, [])
    # A value that is no number of epochs is reported when the axis is read.
    return min((value for value in swept if isinstance(value, int)), default=known.variants[variant])
