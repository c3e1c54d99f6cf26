"""What `readers/` exposes for each kind of own data."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnbench.config.schema import Data
from bnbench.data.types import ParsedArrays


@dataclass(frozen=True)
class OwnReader:
    """One kind of own data."""

    # The key of `data` that names the file or folder.
    key: str
    # Shown to the user.
    title: str
    # Returns a hash that changes with the content of the files, without reading more than needed.
    digest: Callable[[Path, Data], str]
    # Returns the arrays. It raises a DataError with the file, line and column of a mistake, or a SettingsError.
    read: Callable[[Path, Data], ParsedArrays]
