"""What usually helps against a symptom, and when it can: no advice that the network already follows or cannot follow.

A cure is a function from the `Facts` about the trials to a phrase. The phrase is empty if the cure cannot help there.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bnbench.analysis.columns import R2

# From this weight of the initial moving statistics on, they are not warmed up.
START_WEIGHT = 0.01
# A momentum that is often used if Keras' default is too slow.
FAST_MOMENTUM = 0.9
# A dropout rate that leaves enough units in any layer.
MODEST_DROPOUT = 0.2
RECTIFIERS = frozenset({"relu", "relu6", "leaky_relu", "prelu"})
# Activations of which a unit can be stuck at one end.
SIGMOIDS = frozenset({"sigmoid", "hard_sigmoid", "tanh", "hard_tanh"})
BOUNDED = SIGMOIDS | {"softmax", "softsign", "relu6"}


@dataclass(frozen=True)
class Setup:
    """How a variant was set up, as far as cures depend on it.

    Attributes:
        scale: `data.scale`.
        keeps_duplicates: whether equal rows may be in two parts.
        is_limited: whether `data.limit` leaves rows out.
        is_image: whether a row is an image.
        takes_numbers: whether the inputs are quantities, and not, for example, the numbers of words.
        batch_size: rows in a step; None for the whole training part.
        optimizer: its Keras class.
        has_schedule, warms_up: whether the learning rate changes, and whether it starts low.
        stops_early: whether training ends by itself before the last epoch.
        saves_best: whether the weights of the best epoch are saved.
        hidden_activations, output_activation: Keras' names; the output's is empty if it is linear.
        has_norm: whether any layer normalizes, whichever kind it is.
        norms_inputs: whether a normalization is the first layer that computes.
        norms_outputs: whether a normalization follows the last layer with weights.
        momentum: the largest momentum of a batch normalization that learns its statistics; None if there is none.
        good_initializers: initializers of hidden layers that keep the size of signals: `he`, `glorot`, or both.
        dropout: the rates of all dropout layers.
        has_penalty: whether weights or outputs are penalized.
        clips_gradients: whether the optimizer does.
        is_augmented: whether a layer changes the training rows at random.
    """

    scale: str = "none"
    keeps_duplicates: bool = True
    is_limited: bool = True
    is_image: bool = True
    takes_numbers: bool = True
    batch_size: int | None = 32
    optimizer: str = "SGD"
    has_schedule: bool = False
    warms_up: bool = False
    stops_early: bool = False
    saves_best: bool = False
    hidden_activations: frozenset[str] = frozenset()
    output_activation: str = ""
    has_norm: bool = False
    norms_inputs: bool = False
    norms_outputs: bool = False
    momentum: float | None = None
    good_initializers: frozenset[str] = frozenset()
    dropout: tuple[float, ...] = ()
    has_penalty: bool = False
    is_augmented: bool = False
    clips_gradients: bool = False


@dataclass(frozen=True)
class Facts:
    """What is known where a symptom shows, at one variant and value of the further axes.

    Attributes:
        rates: the learning rates with a finished trial, ascending.
        shown: those at which the symptom shows.
        sound: those at which most trials are ok and do not show it.
        score_name: accuracy or R².
        steps: training steps of these trials; the median.
        steps_per_epoch: steps of the first epoch; the median.
        knows_largest_class: whether the share of the largest class was measured; `ok` trials then exceed it.
        setup: None if the config could not be read. Cures that depend on it are then given all the same.
    """

    rates: Sequence[float]
    shown: Sequence[float]
    sound: Sequence[float]
    score_name: str
    steps: float
    steps_per_epoch: float
    knows_largest_class: bool
    setup: Setup | None = None

    @property
    def one_rate(self) -> bool:
        """Whether a single learning rate was tried, which says nothing about others."""
        return len(self.rates) == 1


# The phrases of several cures are one text with this between them, so no phrase holds it.
APART = "; "
Cure = Callable[[Facts], str]


@dataclass(frozen=True)
class ShownCure:
    """A cure of a symptom that the committed results of a shipped experiment show.

    Attributes:
        advise: the cure.
        experiment: the name of the experiment. In its report the symptom shows without the cure, and not, or at fewer
            rates or seeds, with it.
        uncured: the name of the experiment in whose report the symptom shows, if every network of `experiment` has the
            cure; otherwise empty.
    """

    advise: Cure
    experiment: str
    uncured: str = ""

    def __call__(self, facts: Facts) -> str:
        """Return the phrase of the cure with the names of the experiments; empty if the cure cannot help."""
        phrase = self.advise(facts)
        names = " against ".join(filter(None, (self.experiment, self.uncured)))
        return f"{phrase} (shown by: {names})" if phrase else ""


def helpful_cures(cures: Iterable[Cure], facts: Facts) -> list[str]:
    """Return the phrases of the cures that can help, the most likely first."""
    return list(filter(None, (cure(facts) for cure in cures)))


def when_setup(text: str, test: Callable[[Setup], bool]) -> Cure:
    """Return a cure that depends on the setup alone."""
    return lambda facts: text if facts.setup is None or test(facts.setup) else ""


def lower_rate(facts: Facts) -> str:
    """Advise a lower rate if lower ones do not show the symptom."""
    lower = any(rate < max(facts.shown) for rate in facts.sound)
    return "a lower rate, at which it does not occur" if lower else ""


def other_rates(facts: Facts) -> str:
    """Advise rates that were not tried if no tried rate is free of the symptom."""
    if facts.one_rate:
        return "other rates (a single one was tried)"
    return "" if facts.sound else "rates below and above those that were tried"


def higher_rate(facts: Facts) -> str:
    """Advise a higher rate or more epochs if higher rates do not show the symptom."""
    if any(rate > min(facts.shown) for rate in facts.sound):
        return "a higher rate or more epochs, as higher rates do not show it"
    return ""


def warm_up(facts: Facts) -> str:
    """Advise to start with a lower rate where the rate is too high."""
    too_high = not facts.sound or any(rate < max(facts.shown) for rate in facts.sound)
    new = facts.setup is None or not facts.setup.warms_up
    return "a rate that warms up, train.warmup: 0.1 (large first steps kill units)" if too_high and new else ""


def rates_beyond(facts: Facts) -> str:
    """Advise rates that were not tried, for a symptom at the best of those that were."""
    if facts.one_rate:
        return "other rates (a single one was tried), if the score is far from what the rows allow"
    ends = (facts.rates[0], facts.rates[-1])
    at_end = any(rate in ends for rate in facts.shown)
    return "rates beyond this end of the grid, if the score is far from what the rows allow" if at_end else ""


def larger_batch(facts: Facts) -> str:
    """Advise a larger batch unless a step already takes all training rows."""
    whole = facts.steps_per_epoch == 1 or (facts.setup is not None and facts.setup.batch_size is None)
    return "" if whole else "a larger batch (its steps are less noisy)"


def linear_output(facts: Facts) -> str:
    """Advise an output without bounds where numbers are predicted."""
    bounded = facts.setup is None or facts.setup.output_activation in BOUNDED
    return "a linear output (a sigmoid stays within 0 and 1)" if facts.score_name == R2 and bounded else ""


def faster_statistics(facts: Facts) -> str:
    """Advise a lower momentum of batch normalization if it is high."""
    advice = "a lower momentum, as norm: {batch: {momentum: 0.9}}"
    if facts.setup is None:
        return f"{advice} (after 100 steps 0.99 keeps 37% of its start, 0.9 nothing)"
    momentum = facts.setup.momentum
    if momentum is None or momentum <= FAST_MOMENTUM:
        return ""
    if not _is_cold(momentum, facts.steps):
        return f"{advice} (the moving statistics then follow the weights faster)"
    return f"{advice} (after {facts.steps:g} steps {momentum:g} keeps {momentum**facts.steps:.0%} of its start)"


def more_steps(facts: Facts) -> str:
    """Advise more steps if the moving statistics still hold much of their initial values, and are learned at all."""
    if facts.setup:
        momentum = facts.setup.momentum
        if momentum is None or momentum >= 1 or not _is_cold(momentum, facts.steps):
            return ""
    return "more steps, by more epochs or smaller batches"


def _is_cold(momentum: float, steps: float) -> bool:
    return bool(momentum**steps > START_WEIGHT)


def largest_class(facts: Facts) -> str:
    """Advise to look at the largest class where nobody did."""
    unknown = facts.score_name != R2 and not facts.knows_largest_class
    return "compare with the largest class (always predicting it scores its share)" if unknown else ""


def shorter_epochs(facts: Facts) -> str:
    """Advise shorter epochs if an epoch has several steps."""
    return (
        "" if facts.steps_per_epoch == 1 else "fewer steps an epoch, steps_per_epoch (all may happen within the first)"
    )


def _lacks_norm(setup: Setup) -> bool:
    """Whether batch normalization would be new, and would have more than one row to normalize over."""
    return not setup.has_norm and setup.batch_size != 1


def _lacks_initializer(kind: str, activations: frozenset[str]) -> Callable[[Setup], bool]:
    # A norm gives signals their size whatever the initial weights are.
    return lambda setup: (
        bool(setup.hidden_activations & activations) and kind not in setup.good_initializers and not setup.has_norm
    )


standardized_inputs = when_setup(
    "standardized inputs, data.scale: standard (rows that differ little compared with their mean look alike)",
    lambda setup: setup.scale != "standard" and setup.takes_numbers and not setup.norms_inputs,
)
adam = when_setup("Adam (it scales the step of each weight)", lambda setup: setup.optimizer == "SGD")
he_initialization = when_setup(
    "He initialization for relu (signals keep their size from layer to layer, He et al. 2015)",
    _lacks_initializer("he", RECTIFIERS),
)
glorot_initialization = when_setup(
    "Glorot initialization for tanh and sigmoid (Glorot and Bengio 2010)", _lacks_initializer("glorot", SIGMOIDS)
)
batch_norm = when_setup(
    "batch normalization in front of the activations (Ioffe and Szegedy 2015)",
    lambda setup: _lacks_norm(setup) and bool(setup.hidden_activations),
)
batch_norm_for_units = when_setup(
    "batch normalization in front of the activation (over a batch a unit is then on both sides of zero)",
    lambda setup: _lacks_norm(setup) and bool(setup.hidden_activations),
)
clipped_gradients = when_setup(
    "gradients that are clipped, as optimizer: {sgd: {global_clipnorm: 1}} (Pascanu et al. 2013)",
    lambda setup: not setup.clips_gradients,
)
leaky_units = when_setup(
    "leaky_relu or elu (they pass a gradient below zero too, Maas et al. 2013)",
    lambda setup: bool(setup.hidden_activations & {"relu", "relu6"}),
)
unsaturated_units = when_setup(
    "relu (it has a gradient of 1 for every positive input)",
    lambda setup: bool(setup.hidden_activations & SIGMOIDS),
)
falling_rate = when_setup("a schedule that lowers the rate", lambda setup: not setup.has_schedule)
falling_rate_for_statistics = when_setup(
    "a lower rate at the end (moving statistics lag behind weights that move fast)",
    lambda setup: setup.momentum is not None and not setup.has_schedule,
)
best_weights = when_setup("the best epoch's weights, save_models: best", lambda setup: not setup.saves_best)
early_stopping = when_setup("early stopping", lambda setup: not setup.stops_early)
modest_dropout = when_setup(
    f"the same modest dropout everywhere, as {MODEST_DROPOUT:g} (a high one in front of few units leaves next to none)",
    lambda setup: any(rate > MODEST_DROPOUT for rate in setup.dropout),
)
dropout = when_setup("dropout (Srivastava et al. 2014)", lambda setup: not setup.dropout)
penalties = when_setup("weight penalties", lambda setup: not setup.has_penalty)
more_rows = when_setup("more rows (data.limit leaves some out)", lambda setup: setup.is_limited)
augmentation = when_setup("augmentation", lambda setup: setup.is_image and not setup.is_augmented)
no_output_norm = when_setup(
    "no norm in front of the output (it fixes the scale of the scores)", lambda setup: setup.norms_outputs
)
distinct_parts = when_setup(
    "look for rows that are in two parts (data.duplicates: drop leaves them out)", lambda setup: setup.keeps_duplicates
)


def fewer_units(_: Facts) -> str:
    """Advise a smaller network, which is always possible."""
    return "fewer units"
