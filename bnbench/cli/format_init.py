"""What `bnbench init` found and wrote, as text."""

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bnbench.analysis.labels import format_count, format_duration, format_list
from bnbench.commands.init_text import flow
from bnbench.errors import shorten, shorten_name

if TYPE_CHECKING:
    from bnbench.commands.init import WrittenExperiment

# The entries of a list, such as dropped columns, that are printed; the file has all of them.
MAX_ENTRIES = 10


def format_written(written: "WrittenExperiment", is_example: bool = False) -> str:
    """Return what was found in the data, what a run would train, and the command that runs it."""
    found = [*_found(written)]
    width = max(len(key) for key, _ in found)
    experiment = written.plan.experiment
    counts = (
        format_count(len(experiment.variants), "variant"),
        format_count(len(experiment.sweep.rates()), "learning rate"),
        format_count(len(experiment.sweep.seed_list()), "seed"),
    )
    program = written.plan.cohorts[0].program
    sizes = program.sizes
    trains = f"{' x '.join(counts)} = {format_count(len(written.plan.trials), 'trial')}"
    rows = f"{sizes.train:,} rows to train, {sizes.validation:,} to validate, {sizes.test:,} to test"
    epochs = format_count(experiment.train.epochs, "epoch")
    return "\n".join(
        [
            f"{written.path}: written" + (", an example on data that come with bnbench" if is_example else ""),
            "",
            *(f"  {key.ljust(width)}  {text}" for key, text in found),
            "",
            f"{trains} of {epochs}, about {format_duration(written.seconds)} on two cores; {rows}",
            f"Next: bnbench run {shlex.quote(str(written.path))}{written.run_options}",
            *(["For your own data: bnbench init FILE"] if is_example else []),
        ]
    )


def _found(written: "WrittenExperiment") -> Iterator[tuple[str, str]]:
    """Yield what was found, with the key of `data` that it belongs to."""
    found = written.found
    for key, value in found.settings.items():
        remark = found.remarks.get((key,), "")
        if isinstance(value, list | Mapping) and key != "size":
            entries = list(_entries(key, value, found.remarks))
            yield key, remark or entries.pop(0)
            yield from (("", entry) for entry in entries)
        else:
            yield key, f"{_plain(value)}{remark and f': {remark}'}"
    yield from (("maybe", f"{hint.line}: {hint.why}") for hint in found.hints)


def _entries(key: str, value: Any, remarks: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    """Yield the entries of a list of columns, or of a mapping of columns."""
    for name in list(value)[:MAX_ENTRIES]:
        inner = [_plain(value[name])] if isinstance(value, Mapping) else []
        yield f"{_plain(name)}: {'; '.join(filter(None, [*inner, remarks.get((key, name), '')]))}"
    if len(value) > MAX_ENTRIES:
        yield f"and {len(value) - MAX_ENTRIES:,} more"


def _plain(value: object) -> str:
    if isinstance(value, list):
        return format_list([shorten_name(flow(one)) for one in value], limit=MAX_ENTRIES)
    return shorten_name(value) if isinstance(value, str) and value.strip() else shorten(value)
