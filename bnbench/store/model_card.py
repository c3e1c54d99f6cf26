"""The card of a saved model: a JSON file next to it, so that it can be used without its experiment and data."""

import json
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from bnbench.data.own.table_inputs import TableInputs, make_table_inputs
from bnbench.data.splits import RowIndices, Scaling, training_mean
from bnbench.data.targets import TargetScale
from bnbench.data.types import Dataset
from bnbench.errors import ResultsError
from bnbench.planning import task

if TYPE_CHECKING:
    from bnbench.planning.plan import Program


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class ModelCard:
    """What one must know about a saved model besides its layers and weights."""

    # Which weights: `final` are from the last epoch, `best` from the epoch with the best validation score.
    weights: str
    # The name of the data set, or the file or folder of own data as the experiment file has it.
    data: str
    # The shape of one row as the data set stores it, which is also the input shape of the model.
    shape: tuple[Annotated[int, Field(ge=1)], ...]
    # The range that the format of the data set allows: (0, 255) for images.
    value_range: tuple[float, float]
    # The names of the classes, in the order of the outputs. Empty if the model predicts a number.
    classes: tuple[str, ...]
    # How to get probabilities. `softmax`, `sigmoid`: apply it to the outputs; `given`: the outputs are probabilities;
    # `none`: the outputs are other scores.
    probabilities: Literal["softmax", "sigmoid", "given", "none"]
    # The mean of the training rows, one number for each value of a row. Empty if the rows are no images, and in cards
    # of earlier versions.
    mean: tuple[float, ...] = ()
    # The columns of an own table that are inputs, and how its cells are read. None for other data.
    table: TableInputs | None = None
    # What stands for missing values, for each column of the table whose values may be missing. The model itself takes
    # rows without missing values.
    fill: tuple[float, ...] = ()
    # The names of the values of a row, for arrays that have names. Empty for other data.
    columns: tuple[str, ...] = ()
    # The mean and standard deviation of the training targets, if the model learned standardized numbers. Its last layer
    # turns outputs back, so predictions are in the unit of the data.
    target_mean: float = 0.0
    target_deviation: float = 1.0

    def __post_init__(self) -> None:
        count = prod(self.shape)
        if len(self.mean) not in {0, count}:
            raise ValueError(f"mean has {len(self.mean)} numbers, but a row has the shape {self.shape}")
        if self.table and self.table.width != count:
            raise ValueError(f"table has {self.table.width} values, but a row has the shape {self.shape}")
        if len(self.columns) not in {0, count}:
            raise ValueError(f"columns has {len(self.columns)} names, but a row has the shape {self.shape}")
        if len(self.fill) != len(self.filled):
            raise ValueError(f"fill has {len(self.fill)} numbers for {len(self.filled)} columns")

    @property
    def filled(self) -> tuple[int, ...]:
        """The positions of the values of a row that may be missing."""
        return self.table.filled if self.table else ()

    def fill_missing(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rows (rows, *shape) with the numbers of `fill` in place of missing values (NaN)."""
        if not self.fill:
            return rows
        values, at = rows.reshape(len(rows), -1).copy(), list(self.filled)
        values[:, at] = np.where(np.isnan(values[:, at]), self.fill, values[:, at])
        return values.reshape(rows.shape)


CARD = TypeAdapter(ModelCard)


def describe_model(
    program: "Program",
    dataset: Dataset,
    train_rows: RowIndices,
    weights: str,
    scaling: Scaling,
    target_scale: TargetScale,
) -> ModelCard:
    """Return the card of a model of a program.

    Args:
        program: the program.
        dataset: its data.
        train_rows: the rows that the model was trained on.
        weights: which weights are saved, `final` or `best`.
        scaling: how the rows were scaled.
        target_scale: how the targets were scaled.
    """
    facts, data = program.facts, program.data
    mean = training_mean(dataset, train_rows).ravel() if facts.is_image else np.empty(0)
    fill = [] if scaling.fill is None else scaling.fill.ravel()[list(facts.filled)].tolist()
    return ModelCard(
        weights=weights,
        data=data.source if data.from_python else data.path or facts.name,
        shape=facts.shape,
        value_range=dataset.value_range,
        classes=facts.classes,
        probabilities=_probabilities(program),
        mean=tuple(float(f"{value:.4g}") for value in mean),
        table=make_table_inputs(data, facts.columns) if data.table else None,
        fill=tuple(fill),
        columns=() if data.table else facts.columns,
        target_mean=target_scale.mean,
        target_deviation=target_scale.deviation,
    )


def _probabilities(program: "Program") -> Literal["softmax", "sigmoid", "given", "none"]:
    loss, last = program.train.loss, program.layers[-1]
    kind: Literal["sigmoid", "softmax"] = "sigmoid" if task.loss_class(loss) in task.OF_TWO_CLASSES else "softmax"
    if loss.arguments.get("from_logits"):
        return kind
    return "given" if kind in {last.class_name.lower(), last.arguments.get("activation")} else "none"


def card_path(model: Path) -> Path:
    """Return the path of the card of a model."""
    return model.with_suffix(".json")


def write_card(model: Path, card: ModelCard) -> None:
    """Write the card of a model to a temporary file, and rename it when it is complete."""
    temporary = card_path(model).with_suffix(".part.json")
    # The temporary name may be a link to a file outside the folder, which must not be overwritten.
    temporary.unlink(missing_ok=True)
    temporary.write_text(json.dumps(asdict(card), indent=1) + "\n", encoding="utf-8")
    temporary.replace(card_path(model))


def read_card(model: Path) -> ModelCard | None:
    """Read the card of a model; return None if the model or its card is missing.

    Raises:
        ResultsError: the card cannot be read.
    """
    path = card_path(model)
    if not (model.is_file() and path.is_file()):
        return None
    try:
        return CARD.validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ResultsError(f"{path}: cannot be read ({reason}); remove it, and the same run makes it again") from error
