"""Built-in and own data: what a plan needs to know, the arrays for training, and `bnbench data`."""

from pathlib import Path

from bnbench.config.schema import Data
from bnbench.data import cache, locate, registry, validate
from bnbench.data.own.find import describe_own, locate_own, own_folder
from bnbench.data.types import IMAGE_AXES, DataDirs, Dataset, DatasetInfo, DatasetListing, DatasetSpec, LocatedFiles
from bnbench.errors import DataError, not_one_of

# What `value_range` returns for own data: the range of pixels. Own numbers that are no whole ones have any range.
OWN_RANGE = (0.0, 255.0)

DATASETS = registry.find_datasets()


def dataset_names() -> tuple[str, ...]:
    """Return the names of all data sets, in alphabetical order."""
    return tuple(DATASETS)


def dataset_info(settings: Data, places: DataDirs, download: bool = False) -> DatasetInfo:
    """Return what a plan needs to know about a data set; reads no array if the same files were parsed before.

    Raises:
        DataError: the files are missing and cannot be downloaded, or have the wrong content.
        ConfigError: the data set does not have the classes in `settings.classes`.
    """
    if settings.classes:
        return load_dataset(settings, places, download).facts
    source, located, folder = _locate(settings, places, download)
    return cache.read_info(folder, source) or cache.write_dataset(folder, _parse(source, located)).facts


def published_info(settings: Data) -> DatasetInfo | None:
    """Return what is known of a data set before its files are read, or None if no data set has this name.

    The names of the classes are made up, the number of rows is the published one, and no row is known to be an official
    test row or a duplicate. The type of the values is that of most data sets with this shape.
    """
    source = built_in(settings)
    if source is None:
        return None
    classes = tuple(settings.classes or (f"class {i}" for i in range(source.class_count)))
    # Other classes or another unit are other data.
    fingerprint = repr((source.name, settings.classes, settings.unit))
    dtype = "uint8" if len(source.shape) == IMAGE_AXES else "float32"
    return DatasetInfo(source.name, "", fingerprint, source.shape, dtype, classes, source.rows, 0, 0)


def value_range(settings: Data) -> tuple[float, float]:
    """Return the range of values that the format of a data set allows, without reading a file.

    For own data this is the range of whole numbers in one byte; other numbers have no range.
    """
    return OWN_RANGE if settings.path else _source(settings).value_range


def built_in(settings: Data) -> DatasetSpec | None:
    """Return the built-in data set that an experiment names, in its own unit; None for own data and unknown names."""
    return DATASETS.get(settings.name or "")


def data_folder(settings: Data, places: DataDirs) -> str:
    """Return the folder that the path of own data is relative to; empty for a built-in data set."""
    return own_folder(settings, places) if settings.path else ""


def load_dataset(settings: Data, places: DataDirs, download: bool = True) -> Dataset:
    """Return the arrays of a data set, read-only.

    Raises:
        DataError: the files are missing and cannot be downloaded, or have the wrong content.
        ConfigError: the data set does not have the classes in `settings.classes`.
    """
    source, located, folder = _locate(settings, places, download)
    whole = cache.read_dataset(folder, source) or cache.write_dataset(folder, _parse(source, located))
    return validate.select_classes(whole, settings.classes) if settings.classes else whole


def load_planned(settings: Data, places: DataDirs, planned: DatasetInfo) -> Dataset:
    """Return the arrays of a data set, if they are those that a plan was made for.

    Raises:
        DataError: the files have changed since the plan was made, are missing, or have the wrong content.
    """
    dataset = load_dataset(settings, places)
    if dataset.facts.fingerprint != planned.fingerprint:
        _, located, _ = _locate(settings, places, download=False)
        raise DataError(
            f"{_where(located)}: {settings.source} has changed since the plan was made: found "
            f"{_summary(dataset.facts)}, planned with {_summary(planned)}; finished trials are stored: run again to "
            "plan with the present data"
        )
    return dataset


def list_datasets(places: DataDirs) -> tuple[DatasetListing, ...]:
    """Return all data sets and where their files are, by name; reads no file and downloads nothing."""
    return tuple(_found(source, places) for source in DATASETS.values())


def fetch_dataset(name: str, places: DataDirs) -> str:
    """Return where a data set is (a folder, or a package), after downloading it into the cache if it is missing.

    Raises:
        DataError: there is no such data set, `places` is offline, no mirror works, or the download has the wrong
            content.
    """
    return _where(locate.locate_files(_source(Data(name=name)), places, fetch=True))


def verify_dataset(name: str, places: DataDirs) -> DatasetInfo:
    """Do the same as `verify_data` for a built-in data set."""
    return verify_data(Data(name=name), places)


def verify_data(settings: Data, places: DataDirs) -> DatasetInfo:
    """Parse the files of built-in or own data again, without the cache; remove cached arrays that differ.

    Raises:
        DataError: the files are missing, or one of them has the wrong content.
        SettingsError: own data do not have what `settings` name.
    """
    source, located, folder = _locate(settings, places, download=False)
    found = _parse(source, located).facts
    if cache.read_info(folder, source) not in (None, found):
        cache.drop_dataset(folder, "the files have other content")
    return found


def _locate(settings: Data, places: DataDirs, download: bool) -> tuple[DatasetSpec, LocatedFiles, Path]:
    """Return the data that settings name, their files, and the folder of the parsed arrays in the cache."""
    if settings.path:
        source, located = describe_own(settings), locate_own(settings, places)
    else:
        source = _source(settings)
        located = locate.locate_files(source, places, download)
    return source, located, cache.cache_folder(source, located, places)


def _source(settings: Data) -> DatasetSpec:
    """Return a built-in data set, by default in its own unit; `planning` has checked that it has the unit."""
    if settings.name not in DATASETS:
        raise DataError(f"data set {not_one_of(settings.name, DATASETS)}")
    source = DATASETS[settings.name]
    return next((other for other in source.in_other_units if other.unit == settings.unit), source)


def _parse(source: DatasetSpec, located: LocatedFiles) -> Dataset:
    return validate.validate_arrays(source, located, located.form.parse(located.paths))


def _where(located: LocatedFiles) -> str:
    if not located.paths:
        return located.version
    return str(located.paths[0] if located.content else located.paths[0].parent)


def _summary(facts: DatasetInfo) -> str:
    return f"{facts.rows} rows with fingerprint {facts.fingerprint[:16]}"


def _found(source: DatasetSpec, places: DataDirs) -> DatasetListing:
    located = locate.find_files(source, places)
    known = cache.read_info(cache.cache_folder(source, located, places), source) if located else None
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
