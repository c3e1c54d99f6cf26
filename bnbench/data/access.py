"""Data sets by name: their facts for a plan, their arrays for training, and what is behind `bnbench data`."""

from bnbench.config.schema import Data
from bnbench.data import cache, locate, validate
from bnbench.data.datasets import cifar10, digits, fashion_mnist, generated, leaf, letter, mnist, notmnist
from bnbench.data.types import Dataset, Facts, Found, Located, Places, Source
from bnbench.errors import DataError, not_one_of

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        digits.SOURCE,
        leaf.SOURCE,
        letter.SOURCE,
        notmnist.SOURCE,
        mnist.SOURCE,
        fashion_mnist.SOURCE,
        cifar10.SOURCE,
        *generated.SOURCES,
    )
}


def names() -> tuple[str, ...]:
    """The data sets there are, in the order of `config.DATA_SETS`."""
    return tuple(SOURCES)


def facts(settings: Data, places: Places, download: bool = False) -> Facts:
    """What a plan must know of a data set; no array is read if its unchanged files were parsed before.

    Raises:
        DataError: the files are nowhere (and may not be fetched), or not what they should be.
    """
    source = _source(settings.name)
    located = locate.locate(source, places, download)
    folder = cache.folder_of(source, located, places)
    if settings.classes:
        return load(settings, places, download).facts
    return cache.read_facts(folder) or cache.write(folder, _parse(source, located), source).facts


def load(settings: Data, places: Places, download: bool = True) -> Dataset:
    """A data set's arrays, read-only and if possible memory-mapped.

    Raises:
        DataError: the files are nowhere (and may not be fetched), not what they should be, or without a class of
            `settings.classes`.
    """
    source = _source(settings.name)
    located = locate.locate(source, places, download)
    folder = cache.folder_of(source, located, places)
    whole = cache.read(folder, source) or cache.write(folder, _parse(source, located), source)
    return validate.of_classes(whole, settings.classes) if settings.classes else whole


def listing(places: Places) -> tuple[Found, ...]:
    """What there is and where it lies, in the order of `names`; no file is read and nothing fetched."""
    return tuple(_found(source, places) for source in SOURCES.values())


def fetch(name: str, places: Places) -> str:
    """Where a data set lies (a folder, or the package it came with), fetched into the cache if it was nowhere.

    Raises:
        DataError: no such set, not while offline, no mirror gave them, or what they gave was refused.
    """
    source = _source(name)
    return _where(locate.locate(source, places, fetch=True))


def verify(name: str, places: Places) -> Facts:
    """The facts of a data set as its files say, read anew past the cache; kept arrays that differ are dropped.

    Raises:
        DataError: the files are nowhere, or one of them is not what it should be.
    """
    source = _source(name)
    located = locate.locate(source, places)
    folder = cache.folder_of(source, located, places)
    found = _parse(source, located).facts
    if cache.read_facts(folder) not in (None, found):
        cache.drop(folder, "the files say otherwise")
    return found


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise DataError(f"data set {not_one_of(name, SOURCES)}")
    return SOURCES[name]


def _parse(source: Source, located: Located) -> Dataset:
    return validate.describe(source, located, located.form.parse(located.paths))


def _where(located: Located) -> str:
    return str(located.paths[0].parent) if located.paths else located.version


def _found(source: Source, places: Places) -> Found:
    located = locate.on_disk(source, places)
    known = cache.read_facts(cache.folder_of(source, located, places)) if located else None
    return Found(
        name=source.name,
        title=source.title,
        state="on disk" if located else "not here",
        where=_where(located) if located else "",
        form=located.form.title if located else "",
        rows=known.rows if known else source.rows,
        shape=source.shape,
        class_count=len(known.classes) if known else source.class_count,
        url=source.page,
        licence=source.licence,
    )
