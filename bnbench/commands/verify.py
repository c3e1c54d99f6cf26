"""Read the files of a data set, or of the own data of an experiment file, again and check them."""

from pathlib import Path

from bnbench.commands.experiment import find_places
from bnbench.config.load import load_located_config
from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import DataDirs, DatasetInfo
from bnbench.errors import ConfigError, SettingsError
from bnbench.planning.plan import locate_problems

ENDINGS = (".yaml", ".yml")


def verify_named(name: str, data_dirs: DataDirs) -> DatasetInfo:
    """Return what is known of data after their files have been read without the cache.

    Args:
        name: the name of a data set, or the path of an experiment file (.yaml).
        data_dirs: where the data are.

    Raises:
        ConfigError: the experiment file is wrong, or its data do not have what it names.
        DataError: there is no such data set, the files are missing, or one of them has the wrong content.
    """
    if not name.endswith(ENDINGS):
        return access.verify_data(Data(name=name), data_dirs)
    experiment, where = load_located_config(Path(name))
    try:
        return access.verify_data(experiment.data, find_places(Path(name), data_dirs))
    except SettingsError as error:
        raise ConfigError("", locate_problems(error, where / "data")) from error
