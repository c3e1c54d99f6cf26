"""The card of a saved model: a JSON file next to it, so that it can be used without its experiment and data."""

import json
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from bnbench.data.splits import RowIndices, training_mean
from bnbench.data.types import Dataset
from bnbench.errors import ResultsError
from bnbench.planning import task
from bnbench.planning.plan import Program


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class ModelCard:
    """What one must know about a saved model besides its layers and weights."""

    # Which weights: `final` are from the last epoch, `best` from the epoch with the best validation score.
    weights: str
    # The name of the data set.
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

    def __post_init__(self) -> None:
        if len(self.mean) not in {0, prod(self.shape)}:
            raise ValueError(f"mean has {len(self.mean)} numbers, but a row has the shape {self.shape}")


CARD = TypeAdapter(ModelCard)


def describe_model(program: Program, dataset: Dataset, train_rows: RowIndices, weights: str) -> ModelCard:
    """Return the card of a model of a program that was trained on some rows of a data set."""
    facts = program.facts
    mean = training_mean(dataset, train_rows).ravel() if facts.is_image else np.empty(0)
    rounded = tuple(float(f"{value:.4g}") for value in mean)
    kind = _probabilities(program)
    return ModelCard(weights, facts.name, facts.shape, dataset.value_range, facts.classes, kind, rounded)


def _probabilities(program: Program) -> Literal["softmax", "sigmoid", "given", "none"]:
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
