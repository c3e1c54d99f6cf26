"""`figures.width=3.25` on the command line -> how one report draws its figures."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from bnbench.config.figure_settings import FigureSettings, check_labels
from bnbench.config.messages import explain_problem
from bnbench.config.overrides import set_key
from bnbench.config.types import InnerValueError
from bnbench.errors import ConfigError, did_you_mean
from bnbench.location import Location, override_location, setting_steps

KEY = "figures"


def override_figures(
    settings: FigureSettings, overrides: Mapping[str, object], variants: Iterable[str]
) -> FigureSettings:
    """Return settings of figures with dotted keys overridden.

    Raises:
        ConfigError: a key is not one of `figures`, or a value is wrong. The message has a line for each mistake.
    """
    values: dict[str, object] = {KEY: settings.model_dump()}
    origins = {key: override_location(key, value) for key, value in overrides.items()}
    for key, value in overrides.items():
        if setting_steps(key)[0] != KEY:
            raise ConfigError(origins[key], _not_of_figures(key))
        values = set_key(values, key, value, origins[key])
    try:
        changed = FigureSettings.model_validate(values[KEY])
        return check_labels(changed, variants)
    except ValidationError as error:
        problems = [explain_problem(problem, lambda steps: list(FigureSettings.model_fields)) for problem in
                    error.errors()]  # fmt: skip
    except InnerValueError as error:
        problems = [(error.steps, str(error))]
    raise ConfigError("", "\n".join(f"{_origin(steps, origins)}: {message}" for steps, message in problems)) from None


def _not_of_figures(key: str) -> str:
    known = [f"{KEY}.{name}" for name in FigureSettings.model_fields]
    return (
        f"a report changes its figures alone{did_you_mean(key, known)}: wanted one of {', '.join(known)}; to train "
        "with other settings, use bnbench run"
    )


def _origin(steps: Sequence[object], origins: Mapping[str, Location]) -> Location | str:
    """Return the override that is about a place, or the key if it was not overridden."""
    dotted = ".".join(map(str, (KEY, *steps)))
    for key, origin in reversed(list(origins.items())):
        if dotted == key or dotted.startswith(f"{key}.") or key.startswith(f"{dotted}."):
            return origin
    return dotted
