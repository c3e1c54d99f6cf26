"""Writes an experiment file for people: YAML with a comment next to what was found or chosen."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from bnbench.config.yaml_syntax import Dumper
from bnbench.data.own.inference.types import Inferred
from bnbench.errors import printable
from bnbench.planning.suggest import RATES, Effort, Network

# The length of a line, and the column where comments begin if the line has room.
WIDTH, COMMENT = 120, 32
SCHEMA = "experiment.schema.json"
# One class has this many times the rows of another one.
UNEVEN = 3


@dataclass(frozen=True)
class Draft:
    """All that an experiment file says."""

    name: str
    # The command that writes it, and whether the schema is next to it.
    command: str
    has_schema: bool
    found: Inferred
    network: Network
    # Keys of `data` that say how the rows are used, with a comment each.
    use: Mapping[str, tuple[Any, str]]
    batch_size: int
    effort: Effort
    batch_norm: tuple[Any, str]


def render_experiment(draft: Draft, duration: str) -> str:
    """Return the text of an experiment file.

    Args:
        draft: what it says.
        duration: about how long it takes, in words.
    """
    parts = (
        _head(draft, duration),
        _data(draft),
        _model(draft),
        _variants(draft),
        _train(draft),
        _sweep(draft),
        _claims(),
    )
    return "\n".join("\n".join(part) for part in parts)


def _head(draft: Draft, duration: str) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={SCHEMA}"
    if not draft.has_schema:
        yield f"# For completion in an editor: bnbench schema > {SCHEMA}, next to this file."
    yield from _comment(
        f"Written by `{draft.command}`. A comment says what was found in the data, or why a value was chosen: change "
        f"what does not fit. {duration}",
        0,
    )
    yield from _line(f"name: {draft.name}", "results go to results/" + draft.name)
    yield f"title: {flow(f'Batch normalization across learning rates on {draft.name}')}"
    yield ""


def _data(draft: Draft) -> Iterator[str]:
    yield "data:"
    found = draft.found
    for key, value in found.settings.items():
        remark = found.remarks.get((key,), "")
        if key == "drop":
            yield "  drop:"
            for name in value:
                yield from _line(f"    - {flow(name)}", found.remarks.get((key, name), ""))
        elif isinstance(value, Mapping):
            yield from _line(f"  {key}:", remark)
            for name, inner in value.items():
                yield from _key(4, name, inner, found.remarks.get((key, name), ""))
        else:
            yield from _key(2, key, value, remark)
    for hint in found.hints:
        yield from _line(f"  # {hint.line}", hint.why)
    for key, (value, remark) in draft.use.items():
        yield from _key(2, key, value, remark)
    yield ""


def _model(draft: Draft) -> Iterator[str]:
    yield "model:"
    (name,) = draft.network.params
    yield from _line(f"  params: {flow(dict(draft.network.params))}", f"`${name}` below: {draft.network.what}")
    yield "  layers:"
    for entry, comment in draft.network.layers:
        key = next(iter(entry)) if isinstance(entry, Mapping) else ""
        yield from _line(f"    - {key}: {flow(entry[key])}" if key else f"    - {entry}", comment)
    yield ""


def _variants(draft: Draft) -> Iterator[str]:
    norm, comment = draft.batch_norm
    yield "variants:"
    yield "  plain: {norm: none}"
    yield from _line(f"  batchnorm: {flow({'norm': norm})}", comment)
    yield ""


def _train(draft: Draft) -> Iterator[str]:
    effort = draft.effort
    yield "train:"
    yield from _line(f"  epochs: {effort.epochs}", "more if the curves in the report still rise at the end")
    yield f"  batch_size: {draft.batch_size}"
    yield "  optimizer: {name: sgd, momentum: 0.9}"
    if draft.found.task == "number":
        yield from _line("  loss: mean_squared_error", "the score in the report is R²")
    counts = draft.found.class_counts
    if counts and max(counts.values()) >= UNEVEN * min(counts.values()):
        span = f"{min(counts.values()):,} to {max(counts.values()):,}"
        yield from _line("  # class_weight: balanced", f"classes have {span} rows; with this they count alike")
    yield ""


def _sweep(draft: Draft) -> Iterator[str]:
    rates = RATES[draft.found.task]
    steps = "half decades" if draft.effort.points > 6 else "decades"
    yield "sweep:"
    yield from _comment(
        f"From slow learning to divergence, in {steps}. This is a fixed range for SGD with momentum 0.9; nothing was "
        "trained to find it. Widen it if the best rate of a variant is at an end. For adam: {from: 1e-5, to: 0.1}.",
        2,
    )
    yield f"  learning_rate: {{from: {rates.low}, to: {rates.high}, points: {draft.effort.points}}}"
    yield from _line("  seeds: 3", "0 to 2: each fixes split, order and initial weights of both variants")
    yield ""
    yield from _line("# save_models: best", "keeps the models, which `bnbench predict` needs")
    yield ""


def _claims() -> Iterator[str]:
    yield "# Statements to test: `bnbench check` says whether the results support or refute them."
    yield "claims:"
    for text, metric, bound in (
        ("Batch normalization trains at higher rates", "edge", "ratio: {at_least: 1}"),
        ("It reaches more, each variant at its own best rate", "test_score", "difference: {at_least: 0}"),
    ):
        yield f"  - text: {text}"
        yield f"    metric: {metric}"
        yield "    of: batchnorm"
        yield f"    {bound}"
    yield ""


def flow(value: object) -> str:
    """Return a plain value as YAML in one line."""
    text: str = yaml.dump(
        value, Dumper=Dumper, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").strip()


def _key(indent: int, key: str, value: object, comment: str = "") -> Iterator[str]:
    """Yield `key: value` as `_line` does; a list that is too long for a line is wrapped."""
    code = " " * indent + f"{flow(key)}: {flow(value)}"
    if len(code) <= WIDTH or not isinstance(value, list):
        yield from _line(code, comment)
        return
    yield from _line(" " * indent + f"{flow(key)}: [", comment)
    start = " " * (indent + 2)
    line = start
    for i, one in enumerate(value):
        text = flow(one) + ("]" if i == len(value) - 1 else ", ")
        if line != start and len(line) + len(text) > WIDTH:
            yield line.rstrip()
            line = start
        line += text
    yield line


def _line(code: str, comment: str = "") -> Iterator[str]:
    """Yield a line with its comment behind it, or above it if there is no room."""
    comment = _one_line(comment)
    one_line = f"{code.ljust(COMMENT - 2)}  # {comment}"
    if comment and len(one_line) <= WIDTH:
        yield one_line
        return
    if comment:
        yield from _comment(comment[0].upper() + comment[1:], len(code) - len(code.lstrip()))
    yield code


def _comment(text: str, indent: int) -> Sequence[str]:
    start = " " * indent + "# "
    return textwrap.wrap(_one_line(text), WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)


def _one_line(text: str) -> str:
    return printable(text.replace("\n", "\\n"))
