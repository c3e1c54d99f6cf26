"""How far a long reading of files has come, on stderr."""

import sys
import time
from contextlib import suppress
from pathlib import Path

# Seconds before the first line: most files are read earlier.
FIRST = 3.0
# Seconds from line to line: on a terminal, where a line replaces the one before, and elsewhere.
LIVE, LOGGED = 0.2, 10.0


class ReadingProgress:
    """Prints a line now and then, as `big.csv: 1,200,000 rows checked (40%)`; nothing if reading is fast."""

    def __init__(self) -> None:
        self._is_live = sys.stderr.isatty()
        # Otherwise the lines would be among the predictions.
        self._shows_predictions = not (self._is_live and sys.stdout.isatty())
        self._next = time.monotonic() + FIRST
        self._width = 0

    def show(self, action: str, path: Path, rows: int, share: float) -> None:
        """Print a line if it is time for one. For the arguments, see `predict_inputs.OnRows`."""
        now = time.monotonic()
        if now < self._next or share == 1 or (action == "predicted" and not self._shows_predictions):
            return
        self._next = now + (LIVE if self._is_live else LOGGED)
        text = f"{path}: {rows:,} rows {action} ({share:.0%})"
        self._print(f"\r{text.ljust(self._width)}" if self._is_live else f"{text}\n")
        self._width = len(text)

    def end(self) -> None:
        """Remove the line from a terminal."""
        if self._is_live and self._width:
            self._print(f"\r{' ' * self._width}\r")
            self._width = 0

    def _print(self, text: str) -> None:
        # If the reader of stderr is gone, the predictions go on.
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()
