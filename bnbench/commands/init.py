"""Writes an experiment file for a file of the user, or for a built-in data set, from what was found in the data."""

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bnbench.analysis.labels import format_duration
from bnbench.commands.init_text import SCHEMA, Draft, render_experiment
from bnbench.config.load import check_config
from bnbench.config.schema import NAME, Data
from bnbench.config.yaml_loader import parse_yaml
from bnbench.data import access
from bnbench.data.own.inference.infer import built_in_files, infer_own, other_form
from bnbench.data.own.inference.types import Inferred, Steps
from bnbench.data.splits import split_sizes
from bnbench.data.types import DataDirs, DatasetInfo, DatasetSpec
from bnbench.errors import ConfigError, DataError, did_you_mean, shorten
from bnbench.planning.plan import Plan, make_plan
from bnbench.planning.runtime import estimate_runtime
from bnbench.planning.suggest import (
    Effort,
    suggest_batch_norm,
    suggest_batch_size,
    suggest_efforts,
    suggest_network,
    suggest_scale,
    suggest_split,
)

# The example that needs no file.
EXAMPLE = "digits"
# A first run should not take longer, on two cores.
MAX_SECONDS, CORES = 60.0, 2
ENDING = ".yaml"


@dataclass(frozen=True)
class InitRequest:
    """What to write an experiment file for, and where to."""

    # A file, a folder, or the name of a built-in data set. None: the example.
    source: str | None = None
    # The column, or array, with the class or number of each row. None: it is looked for.
    target: str | None = None
    # The experiment file. None: next to the data, or in the working directory for a built-in data set.
    output: Path | None = None
    # The name of the experiment. None: that of the data.
    name: str | None = None
    # Whether an existing file is overwritten.
    force: bool = False
    data_dirs: DataDirs = field(default_factory=DataDirs.from_environment)


@dataclass(frozen=True)
class WrittenExperiment:
    """An experiment file that was written."""

    path: Path
    found: Inferred
    plan: Plan
    # Estimated on two cores.
    seconds: float
    # What else `run` needs to find the data.
    run_options: str = ""


def write_experiment(request: InitRequest) -> WrittenExperiment:
    """Write an experiment file that runs as it is, after the checks of `plan`. Does not import Keras.

    Raises:
        ConfigError: there is no such file or data set, the experiment file exists, or it would be in a folder
            from which its data cannot be reached.
        DataError: the data cannot be read, or have no target or no inputs.
    """
    source = request.source or EXAMPLE
    path = Path(source)
    if not _exists(path):
        return _write_built_in(request, _known(source))
    files_of = built_in_files(path, access.DATASETS.values())
    if files_of is not None:
        return _write_files_of(request, path, files_of)
    return _write_own(request, path.parent if path.suffix.lower() == ".npy" and path.is_file() else path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # A name that is too long for the file system.
        return False


def _known(source: str) -> str:
    """Return the name of a built-in data set."""
    if source in access.DATASETS:
        return source
    path = Path(source)
    try:
        here = sorted(one.name for one in path.parent.iterdir() if not one.name.startswith("."))
    except OSError:
        here = []
    near = did_you_mean(path.name, [*here, *(access.DATASETS if path.parent == Path() else ())])
    raise ConfigError(
        "", f"{source}: no such file, folder or built-in data set{near}; `bnbench data list` names the built-in ones"
    )


def _write_built_in(request: InitRequest, dataset: str, output: Path | None = None) -> WrittenExperiment:
    if request.target is not None:
        raise ConfigError("--target", f"the built-in data set {dataset} has its own target: leave it out")
    name = _name(request, dataset)
    output = request.output or output or Path(f"{name}{ENDING}")
    _check_output(output, request.force)
    settings = Data(name=dataset)
    facts, spec = access.published_info(settings), access.built_in(settings)
    if facts is None or spec is None:
        raise DataError(f"no data set {shorten(dataset)}")
    size = " x ".join(map(str, spec.shape))
    what = f"{spec.class_count} classes" if spec.class_count else "a number to predict"
    remarks: dict[Steps, str] = {("name",): f"{spec.title}: {spec.rows:,} rows of {size}, {what}"}
    found = Inferred({"name": dataset}, "classes" if spec.class_count else "number", remarks)
    return _write(request, output, name, found, lambda _: facts)


def _write_files_of(request: InitRequest, path: Path, spec: DatasetSpec) -> WrittenExperiment:
    """Write an experiment about a built-in data set whose files are in a folder."""
    folder = path.resolve()
    if folder.name != spec.name:
        raise ConfigError(
            str(path),
            f"has the files of the built-in data set {spec.name}: rename the folder to {spec.name}, and run "
            f"`bnbench init {spec.name}`; then give {folder.parent} with --data-dir",
        )
    written = _write_built_in(request, spec.name, path.parent / f"{_name(request, spec.name)}{ENDING}")
    return replace(written, run_options=f" --data-dir {shlex.quote(str(path.parent))}")


def _write_own(request: InitRequest, path: Path) -> WrittenExperiment:
    name = _name(request, path.resolve().name.partition(".")[0])
    output = request.output or _folder_of(path) / f"{name}{ENDING}"
    _check_output(output, request.force)
    written = _path_from(output, path)
    known = other_form(path, access.DATASETS.values())
    if known:
        raise DataError(f"{path}: {known}")
    found = infer_own(path, written, request.target)
    places = replace(request.data_dirs, config_dir=output.absolute().parent, data_dir=None)
    return _write(request, output, name, found, lambda data: access.dataset_info(data, places))


def _folder_of(path: Path) -> Path:
    # `.` and `..` have no name that a path could end with.
    return path.parent if path.name not in ("", "..") else path.resolve().parent


def _path_from(output: Path, path: Path) -> str:
    """Return the path of the data as the experiment file has it: relative to its own folder.

    Raises:
        ConfigError: the data are not in the folder of the experiment file.
    """
    folder = output.absolute().parent.resolve()
    data_folder = _folder_of(path).resolve()
    name = path.name if path.name not in ("", "..") else path.resolve().name
    if not data_folder.is_relative_to(folder):
        raise ConfigError(
            str(output),
            f"{path} is not in the folder of this file, and a path in an experiment file cannot leave it: write the "
            f"file to {data_folder}, which is the default, or copy the data",
        )
    relative = (data_folder.relative_to(folder) / name).as_posix()
    return f"{relative}/" if path.is_dir() else relative


def _name(request: InitRequest, source: str) -> str:
    if request.name is not None:
        if not NAME.fullmatch(request.name):
            raise ConfigError("--name", f"{shorten(request.name)} is no valid name: use at most 80 letters, digits, "
                              "'_', '-' and '.', and begin with a letter or digit")  # fmt: skip
        return request.name
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", source).strip("-_.")[:80] or "mine"


def _write(
    request: InitRequest, output: Path, name: str, found: Inferred, describe: Callable[[Data], DatasetInfo]
) -> WrittenExperiment:
    facts = describe(Data.model_validate(dict(found.settings)))
    draft = _draft(request, name, found, facts, (output.absolute().parent / SCHEMA).exists())
    text, plan, seconds = _fit(draft, facts, output, describe)
    _write_text(output, text)
    return WrittenExperiment(output, found, plan, seconds)


def _check_output(output: Path, force: bool) -> None:
    if output.suffix not in (ENDING, ".yml"):
        raise ConfigError(str(output), f"an experiment file ends with {ENDING}")
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise ConfigError(str(output), "is a folder" if output.is_dir() else "its folder does not exist")
    if (output.exists() or output.is_symlink()) and not force:
        raise ConfigError(str(output), "the file exists: give --output or --name for another one, or --force")


def _draft(request: InitRequest, name: str, found: Inferred, facts: DatasetInfo, has_schema: bool) -> Draft:
    words = ["bnbench", "init", *([shlex.quote(request.source)] if request.source else [])]
    words += ["--target", shlex.quote(request.target)] if request.target is not None else []
    return Draft(
        name,
        " ".join(words),
        has_schema,
        found,
        suggest_network(facts),
        _use_of_rows(found, facts),
        batch_size=1,
        effort=next(suggest_efforts(facts)),
        batch_norm=("batch", ""),
    )


def _use_of_rows(found: Inferred, facts: DatasetInfo) -> dict[str, tuple[object, str]]:
    """Return the keys of `data` that say how the rows are used, with a comment each."""
    use: dict[str, tuple[object, str]] = {}
    spec = access.DATASETS.get(str(found.settings.get("name")))
    # A data set of a package has no official part. Of one with files, only the files say it.
    is_official_known = spec is None or bool(spec.package)
    split = suggest_split(facts, is_official_known)
    if split:
        shares = "; each part has its share of every class" if facts.classes else ""
        official = "" if is_official_known else ", if there is one, else a fifth of the rows"
        rest = "" if "test" in split else f"; the test part is the official one{official}"
        use["split"] = split, f"fractions of the rows, drawn again for each seed{shares}{rest}"
    use["scale"] = suggest_scale(facts)
    if found.task == "number":
        use["target_scale"] = "standard", "learned with mean 0 and SD 1; scores and predictions stay in your unit"
    return use


def _fit(
    draft: Draft, facts: DatasetInfo, output: Path, describe: Callable[[Data], DatasetInfo]
) -> tuple[str, Plan, float]:
    """Return the text of the longest experiment that ends in time, its plan and its estimated seconds."""
    for effort in suggest_efforts(facts):
        sized = _sized(draft, facts, effort)
        plan = _plan(render_experiment(sized, ""), output, describe)
        seconds = estimate_runtime(plan.cohorts, {}, CORES).seconds
        if seconds <= MAX_SECONDS:
            break
    return render_experiment(sized, f"About {format_duration(seconds)} on two cores."), plan, seconds


def _sized(draft: Draft, facts: DatasetInfo, effort: Effort) -> Draft:
    """Return a draft with this effort, and what follows from it."""
    use = dict(draft.use)
    if effort.limit is not None:
        use["limit"] = effort.limit, "rows of each part, for a first look; without this line all rows are used"
    values = {key: value for key, (value, _) in use.items()}
    rows = split_sizes(Data.model_validate({**draft.found.settings, **values}), facts, "data").train
    batch_size = suggest_batch_size(rows)
    norm = suggest_batch_norm(effort.epochs * -(-rows // batch_size))
    return replace(draft, use=use, effort=effort, batch_size=batch_size, batch_norm=norm)


def _plan(text: str, output: Path, describe: Callable[[Data], DatasetInfo]) -> Plan:
    """Return the plan of a text, which is read and checked as any experiment file."""
    values = parse_yaml(text, str(output))
    if not isinstance(values, dict):
        raise ConfigError(str(output), "no mapping")
    return make_plan(check_config(values, str(output)), describe, str(output))


def _write_text(path: Path, text: str) -> None:
    """Write a temporary file and rename it, so that the file is never there in part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
