"""What the name of a column says about it: whether it may be the target, an id, or a group."""

import re
from collections.abc import Iterable

# Names that targets have, the surest first.
TARGETS = (
    "target", "label", "labels", "y", "survived", "outcome", "diagnosis", "churn", "species", "variety", "quality",
    "class", "classes", "classification", "sale_price", "saleprice", "median_house_value", "medv", "price", "charges",
    "mpg", "output", "response",
)  # fmt: skip
# The last words of longer names, as in `class_label`.
TARGET_WORDS = ("target", "label", "class", "outcome")
# Names of targets that are names of things, even where they are whole numbers.
CLASSES = frozenset({"label", "labels", "class", "classes", "classification", "species", "variety", "diagnosis"})
IDS = frozenset({"id", "ids", "uuid", "guid", "index", "idx", "key", "rowid", "rownum", "no", "nr"})
# What several rows can have in common: rows of one of them in two parts would leak.
GROUPS = frozenset(
    {
        "patient", "subject", "participant", "person", "speaker", "user", "customer", "client", "household", "family",
        "session", "animal", "donor", "writer", "author", "machine", "device", "sensor", "plant", "site", "hospital",
        "group", "groups",
    }
)  # fmt: skip


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: `PatientID`, `patient_id` and `patient id` have the same."""
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).casefold())


def find_target_name(names: Iterable[str]) -> str | None:
    """Return the name that is most likely that of the target; None if no name says so."""
    known = {"_".join(words_of(name)): name for name in reversed(list(names)) if words_of(name)}
    exact = (known[one] for one in TARGETS if one in known)
    ending = (known[one] for word in TARGET_WORDS for one in known if one.endswith(f"_{word}"))
    return next(exact, None) or next(ending, None)


def names_classes(name: str) -> bool:
    """Return whether a target of this name has classes, even where they are many whole numbers."""
    return bool(CLASSES & set(words_of(name)))


def is_id_name(name: str) -> bool:
    """Return whether a name is that of an id: `id`, `PassengerId`, `Unnamed: 0`."""
    words = words_of(name)
    return words[:1] == ["unnamed"] or bool(words and (words[-1] in IDS or words == ["row", "names"]))


def is_group_name(name: str) -> bool:
    """Return whether a name is that of something that several rows can have in common: `patient`, `user_id`."""
    words = [word for word in words_of(name) if word not in IDS | {"name", "number", "code"}]
    return len(words) == 1 and words[0] in GROUPS
