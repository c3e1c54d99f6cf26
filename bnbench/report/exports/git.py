"""Results -> what a repository can hold of them: text, small pictures, and every number, but no database and no model.

`report.md` shows the results where the repository is read, `bnbench reproduce` lists them on its page, and anybody can
compute each of their numbers again from `trials.csv` and the packed `history.csv`, unless that is too large.
"""

import logging
import lzma
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from bnbench.report.figures.gallery import list_figures
from bnbench.report.write import write_report
from bnbench.results.results import Results
from bnbench.store import results_dir

FILES = (
    results_dir.CONFIG, results_dir.ENVIRONMENT, results_dir.RUN, results_dir.PAGE, results_dir.CLAIMS,
    results_dir.PUBLISHED, "trials.csv", "summary.csv",
)  # fmt: skip
HISTORY, PACKED = "history.csv", "history.csv.xz"
# The maximum size of the packed history, in bytes: a repository keeps every version of a file for ever.
MAX_PACKED = 300_000
log = logging.getLogger(__name__)
SHOWN_PICTURE = re.compile(r"\]\((plots/[^)]+)\)")


def export(results: Results, folder: Path) -> list[Path]:
    """Write the report anew, and copy its text, its pictures and its tables, and the experiment, into a folder.

    The history is packed, and left out if it is larger than MAX_PACKED. The folder may be the results folder itself.

    Raises:
        ResultsError: a file cannot be read or written.
    """
    source = results.folder
    write_report(source)
    page = (source / results_dir.PAGE).read_text(encoding="utf-8")
    models = sorted(path.name for path in source.glob("model-*.json"))
    names = [*FILES, *models, *dict.fromkeys(SHOWN_PICTURE.findall(page))]
    found = [name for name in names if (source / name).exists()]
    try:
        if folder.resolve() != source.resolve():
            results_dir.refuse_links(folder)
            _remove_earlier(folder, {*found}, results.config.name)
            for name in found:
                with results_dir.replaced_file(folder / name) as temporary:
                    shutil.copyfile(source / name, temporary)
        (folder / PACKED).unlink(missing_ok=True)
        packed = lzma.compress((source / HISTORY).read_bytes(), preset=9)
    except OSError as error:
        raise results_dir.unwritable_error(folder, error) from error
    if len(packed) > MAX_PACKED:
        log.warning(
            "%s: left out, because it has %s bytes, more than %s", PACKED, f"{len(packed):,}", f"{MAX_PACKED:,}"
        )
        return [folder / name for name in found]
    with results_dir.replaced_file(folder / PACKED) as temporary:
        temporary.write_bytes(packed)
    return [folder / name for name in (*found, PACKED)]


def _remove_earlier(folder: Path, kept: Collection[str], name: str) -> None:
    """Remove the files of an earlier export of this experiment, if there is one, that this one does not write."""
    run = results_dir.read_json(folder / results_dir.RUN)
    if not run or run.get("name") != name:
        return
    for path in (*(folder / name for name in FILES), *folder.glob("model-*.json")):
        if path.name not in kept:
            path.unlink(missing_ok=True)
    figures = {*(spec.name for spec in list_figures()), "source"}
    results_dir.remove_old_figures(folder, figures, [folder / name for name in kept])
    with suppress(OSError):
        (folder / results_dir.PLOTS).rmdir()
