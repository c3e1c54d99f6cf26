"""Renders the reference page of all layers, as a Markdown table from `layer_table`. `make docs` writes it."""

import sys
from pathlib import Path

from bnbench.model.catalog import snake_case
from bnbench.model.layer_conditions import describe_conditions
from bnbench.model.layer_table import LAYERS, MERGING, LayerRecord

HEAD = """# Layers

Each public layer of Keras 3.15, checked once. A layer either **trains as in `fit`**, always or under conditions that
`plan` checks, or it is refused. A layer that a later Keras adds is refused as not yet checked.

- "As in `fit`" means: in float64, losses, scores and weights after each epoch equal those of `model.fit` with the same
  initial weights, rows, order and random numbers, and evaluation changes none of these. A test compares every layer.
- With `train.engine: xla`, random layers draw the numbers that `fit` draws with `jit_compile=True`.
- Names may be written as here or as in Keras (`conv2d`, `Conv2D`). [The experiment file](experiment-file.md#model) says
  how a layer gets its arguments.
- Color layers work in a range of values, `value_range`. bnbench fills in the range of the rows: 0 to 1 with
  `data.scale: unit`, the range of the format with `data.scale: none` (0 to 255 for images of bytes, 0 to 16 for
  `digits`). Layers before it may change the range in a known way, such as `rescaling`.

This table is made from `bnbench/model/layer_table.py` by `make docs`.
"""


def render_layers() -> str:
    """Return the page: an introduction and a table with a row for each layer, in alphabetical order."""
    rows = [_row(name, LAYERS[name]) for name in sorted(LAYERS, key=snake_case)]
    return "\n".join([HEAD, "| layer | trains as in `fit` |", "| --- | --- |", *rows, ""])


def _row(class_name: str, record: LayerRecord) -> str:
    conditions = describe_conditions(record)
    verdict = f"if {conditions}" if conditions else "yes"
    verdict += ", as the `merge` of `parallel`" if class_name in MERGING else ""
    return f"| `{snake_case(class_name)}` | {f'**refused**: {record.refused}' if record.refused else verdict} |"


def _main() -> None:
    Path(sys.argv[1]).write_text(render_layers(), encoding="utf-8")


if __name__ == "__main__":
    _main()
