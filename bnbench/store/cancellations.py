"""Requests to a run from another terminal: trials and workers that it shall stop."""

from pathlib import Path

from bnbench.store.results_dir import unwritable_error

FILE = ".cancel"
# The maximum number of characters that a run reads.
MAX_CHARACTERS = 100_000


def request_cancellation(folder: Path, words: list[str]) -> None:
    """Ask the run of a results folder to stop trials, by id, or workers, by name.

    Raises:
        ResultsError: the folder cannot be written.
    """
    path = folder / FILE
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{word}\n" for word in words))
    except OSError as error:
        raise unwritable_error(path, error) from error


def take_cancellations(folder: Path) -> list[str]:
    """Return what has been asked since the last call; each request is returned once."""
    path, taken = folder / FILE, folder / f"{FILE}.taken"
    try:
        path.replace(taken)
        with taken.open(encoding="utf-8", errors="replace") as file:
            words = file.read(MAX_CHARACTERS).splitlines()
        taken.unlink()
    except OSError:
        return []
    return [word for word in words if word]
