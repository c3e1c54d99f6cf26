"""Text for files of a results folder, without what names a person or a machine: the path of a folder tells a user."""

import re
from pathlib import Path

# A step of a path: text without spaces and without what encloses a path in messages.
_STEP = r"""[^\s/\\:"'<>|,;()\[\]]"""
# An absolute path of two or more steps, on POSIX or on Windows. Neither an address on the web nor a fraction is one.
ABSOLUTE = re.compile(rf"(?<![\w:/.\\])(?:[A-Za-z]:[\\/]|/)(?:{_STEP}+[\\/])+(?P<last>{_STEP}*)")
# What comes after it says which code it was, and names nobody.
PACKAGES = re.compile(r".*(?:site|dist)-packages[\\/]")


def without_paths(text: str) -> str:
    """Return a text in which absolute paths are cut to their last step; files of packages keep their path there."""
    return ABSOLUTE.sub(_shorten, text)


def _shorten(match: re.Match[str]) -> str:
    path = match[0]
    in_package = PACKAGES.sub("", path)
    return f"…/{in_package if in_package != path else match['last']}"


def folder_hint(folder: Path) -> str:
    """Return a folder relative to the present one, or only its name if it is elsewhere."""
    absolute = folder.absolute()
    try:
        return absolute.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return f"…/{absolute.name}"
