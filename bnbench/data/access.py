"""Data sets by name: their facts for a plan, their arrays for training, and what is behind `bnbench data`."""

from bnbench.config.schema import Data
from bnbench.data import cache, locate, registry, validate
from bnbench.data.types import DataDirs, Dataset, DatasetInfo, DatasetListing, DatasetSpec, LocatedFiles
from bnbench.errors import DataError, not_one_of

DATASETS = registry.find_datasets()


def dataset_names() -> tuple[str, ...]:
    """Return the names of all data sets, in alphabetical order."""
    return tuple(DATASETS)


def dataset_info(settings: Data, places: DataDirs, download: bool = False) -> DatasetInfo:
    """What a plan must know of a data set; no array is read if its unchanged files were parsed before.

    Raises:
        DataError: the files are nowhere (and may not be fetched), or not what they should be.
    """
    source = _source(settings.name)
    located = locate.locate_files(source, places, download)
    folder = cache.cache_folder(source, located, places)
    if settings.classes:
        return load_dataset(settings, places, download).facts
    return cache.read_info(folder) or cache.write_dataset(folder, _parse(source, located), source).facts


def load_dataset(settings: Data, places: DataDirs, download: bool = True) -> Dataset:
    """A data set's arrays, read-only and if possible memory-mapped.

    Raises:
        DataError: the files are nowhere (and may not be fetched), not what they should be, or without a class of
            `settings.classes`.
    """
    source = _source(settings.name)
    located = locate.locate_files(source, places, download)
    folder = cache.cache_folder(source, located, places)
    whole = cache.read_dataset(folder, source) or cache.write_dataset(folder, _parse(source, located), source)
    return validate.select_classes(whole, settings.classes) if settings.classes else whole


def list_datasets(places: DataDirs) -> tuple[DatasetListing, ...]:
    """What there is and where it lies, in the order of `names`; no file is read and nothing fetched."""
    return tuple(_found(source, places) for source in DATASETS.values())


def fetch_dataset(name: str, places: DataDirs) -> str:
    """Where a data set lies (a folder, or the package it came with), fetched into the cache if it was nowhere.

    Raises:
        DataError: no such set, not while offline, no mirror gave them, or what they gave was refused.
    """
    source = _source(name)
    return _where(locate.locate_files(source, places, fetch=True))


def verify_dataset(name: str, places: DataDirs) -> DatasetInfo:
    """The facts of a data set as its files say, read anew past the cache; kept arrays that differ are dropped.

    Raises:
        DataError: the files are nowhere, or one of them is not what it should be.
    """
    source = _source(name)
    located = locate.locate_files(source, places)
    folder = cache.cache_folder(source, located, places)
    found = _parse(source, located).facts
    if cache.read_info(folder) not in (None, found):
        cache.drop_dataset(folder, "the files say otherwise")
    return found


def _source(name: str) -> DatasetSpec:
    if name not in DATASETS:
        raise DataError(f"data set {not_one_of(name, DATASETS)}")
    return DATASETS[name]


def _parse(source: DatasetSpec, located: LocatedFiles) -> Dataset:
    return validate.validate_arrays(source, located, located.form.parse(located.paths))


def _where(located: LocatedFiles) -> str:
    return str(located.paths[0].parent) if located.paths else located.version


def _found(source: DatasetSpec, places: DataDirs) -> DatasetListing:
    located = locate.find_files(source, places)
    known = cache.read_info(cache.cache_folder(source, located, places)) if located else None
    return DatasetListing(
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
