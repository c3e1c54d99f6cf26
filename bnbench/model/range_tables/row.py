"""A row of the tables of ranges, and the ranges that several tables share."""

from dataclasses import dataclass

from bnbench.model.values import Number, Values


@dataclass(frozen=True)
class Row:
    """The range of one or more arguments of one or more classes."""

    # Names separated by blanks; `*` and `?` in a class stand for any letters.
    classes: str
    arguments: str
    values: Values
    # Why the range is narrower than Keras'. Empty if Keras refuses the same values.
    reason: str = ""
    # Whether the argument may be null. An argument whose default is null may always be null.
    null: bool = False


NUMBER = Number()
NOT_NEGATIVE = Number(at_least=0)
ABOVE_0 = Number(above=0)
FROM_0_TO_1 = Number(at_least=0, at_most=1)
FROM_0_TO_BELOW_1 = Number(at_least=0, below=1)
WHOLE = Number(whole=True)
COUNT = Number(at_least=0, whole=True)
SIZE = Number(at_least=1, whole=True)

EPSILON = "with 0 or less, a value divided by its own size can be a division by 0"
