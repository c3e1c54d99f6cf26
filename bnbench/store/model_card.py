"""What lies beside a saved model, so that it can be used without its experiment and its data: a page of JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from bnbench.errors import ResultsError
from bnbench.planning import task
from bnbench.planning.plan import Program


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class ModelCard:
    """What must be known of a saved model besides its layers and weights."""

    weights: str  # final, best: of the last epoch or of that of the best validation accuracy
    data: str  # the data set
    shape: tuple[Annotated[int, Field(ge=1)], ...]  # of one row as it is stored, which is what the model takes
    value_range: tuple[float, float]  # of the data set's format: (0, 255) for images
    classes: tuple[str, ...]  # in the order of the model's outputs; empty: it gives a number
    # softmax, sigmoid: makes them of the outputs; given: the outputs are; none: the outputs are other scores.
    probabilities: Literal["softmax", "sigmoid", "given", "none"]


CARD = TypeAdapter(ModelCard)


def describe_model(program: Program, value_range: tuple[float, float], weights: str) -> ModelCard:
    """What is to be kept beside a model of a program."""
    facts = program.facts
    return ModelCard(weights, facts.name, facts.shape, value_range, facts.classes, _probabilities(program))


def _probabilities(program: Program) -> Literal["softmax", "sigmoid", "given", "none"]:
    loss, last = program.train.loss, program.layers[-1]
    kind: Literal["sigmoid", "softmax"] = "sigmoid" if task.loss_class(loss) in task.OF_TWO_CLASSES else "softmax"
    if loss.arguments.get("from_logits"):
        return kind
    return "given" if kind in {last.class_name.lower(), last.arguments.get("activation")} else "none"


def card_path(model: Path) -> Path:
    """Where that of a model lies."""
    return model.with_suffix(".json")


def write_card(model: Path, saved: ModelCard) -> None:
    """Keep the page of a model, whole or not at all."""
    beside = card_path(model).with_suffix(".part.json")
    beside.unlink(missing_ok=True)  # it may be a link
    beside.write_text(json.dumps(asdict(saved), indent=1) + "\n", encoding="utf-8")
    beside.replace(card_path(model))


def read_card(model: Path) -> ModelCard | None:
    """The page of a model; None where the model or its page is not there.

    Raises:
        ResultsError: it cannot be read.
    """
    path = card_path(model)
    if not (model.is_file() and path.is_file()):
        return None
    try:
        return CARD.validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ResultsError(f"{path}: cannot be read ({reason}); remove it, and the same run makes it anew") from error
