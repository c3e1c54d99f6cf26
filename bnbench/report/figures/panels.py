"""Results -> figures: which there are, their panels, legends and notes; `plots` draws what is in a panel."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.labels import format_value
from bnbench.report.figures import draw
from bnbench.results.results import Results

PANEL = (2.65, 1.95)  # inches; two of them with their labels are as wide as a page of text
ALONE = (2.6, 1.8)  # with its labels as wide as a column of text
NARROW = (1.62, 1.6)  # three of them are as wide
SMALL = (1.3, 1.15)  # a panel of curves
LEFT, RIGHT, BELOW = 0.66, 0.12, 0.46  # inches beside the panels: an axis with its label, and a note below
LINE = 0.17  # inches, of a legend
LETTERS = 18  # of a note, an inch
LONGEST = 30  # letters of a name in a legend
MAX_RATES = 10  # in a figure of curves
COLUMNS = 5  # of them side by side: a page is no wider
LOSS_ROOM = 10  # times the initial loss: a blown loss of 1e20 would press all others into a line
CUT = f"; loss axes end at {LOSS_ROOM} x the initial loss"
MAX_SEEDS = 20  # lines of a variant in one panel; more would be a blot
MAX_PLACES = 12  # values of the further axes in one figure, and figures of curves


@dataclass(frozen=True)
class DrawnFigure:
    """A figure, the name of its file and what it shows."""

    name: str
    caption: str
    figure: Figure


Looks = dict[str, draw.Look]
Place = tuple[str, pd.DataFrame]


def draw_figures(results: Results) -> Iterator[DrawnFigure]:
    """Every figure of an experiment; none where no trial has ended."""
    if results.summary.empty:
        return
    looks = draw.variant_looks(list(dict.fromkeys(results.summary["variant"])))
    yield DrawnFigure(
        "rates", "Score, loss and share of seeds that train, against the learning rate.", _rates(results, looks)
    )
    yield from _curves_of_places(results, looks)
    for make in (_differences, _times, _heat_maps, _efforts, _ranges, _pre_activations):
        drawn = make(results, looks)
        if drawn:
            yield drawn


def _by_place(results: Results, table: pd.DataFrame) -> list[Place]:
    """The part of a table at each value of the further axes, with a name for the place."""
    if not results.axes:
        return [("", table)]
    return [
        (
            ", ".join(
                f"{axis.rpartition('.')[2]} {format_value(key)}" for axis, key in zip(results.axes, keys, strict=True)
            ),
            part,
        )
        for keys, part in table.groupby(results.axes, sort=False, dropna=False)
    ][:MAX_PLACES]


def _grid(
    rows: int,
    columns: int,
    size: tuple[float, float],
    gaps: tuple[float, float],
    handles: Sequence[Line2D],
    note: str,
    right: float = RIGHT,
) -> tuple[Figure, NDArray[Any]]:
    """A figure of panels of one size and a legend above them; its axes (rows, columns).

    Matplotlib could find the margins itself, but that takes as long as drawing.

    Args:
        size: width and height of a panel in inches.
        gaps: inches between columns and between rows.
        note: at its longest, for which room is left below.
        right: inches beside the last column.
    """
    width = LEFT + columns * size[0] + (columns - 1) * gaps[0] + right
    entries = [0.45 + len(str(handle.get_label())) / LETTERS for handle in handles]
    fit = len(entries) if sum(entries) < width else int(width / max(entries, default=1))
    across = max(1, min(fit, 5))
    top = 0.32 + LINE * -(-len(handles) // across)
    below = BELOW + 0.13 * len(_lines(note, width))
    height = top + rows * size[1] + (rows - 1) * gaps[1] + below
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, gridspec_kw={
        "left": LEFT / width, "right": 1 - right / width, "bottom": below / height, "top": 1 - top / height,
        "wspace": gaps[0] / size[0], "hspace": gaps[1] / size[1],
    })  # fmt: skip
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1), ncols=across, fontsize=7)
    return figure, axes


def _note(figure: Figure, text: str) -> None:
    """Below the panels, in as many lines as it takes."""
    told = "\n".join(_lines(text, figure.get_figwidth()))
    figure.text(0.5, 0.04 / figure.get_figheight(), told, fontsize=7, color="#555555", ha="center", va="bottom")


def _lines(text: str, width: float) -> list[str]:
    return wrap(text, int(LETTERS * width))


def _seeds(results: Results) -> str:
    """How many trials a mean is of; how many settings are shown, where there are more."""
    low, high = results.summary["n"].min(), results.summary["n"].max()
    told = f"{low} seed{'s' if high > 1 else ''}" if low == high else f"{low} to {high} seeds"
    settings = results.summary.groupby(results.axes, dropna=False).ngroups if results.axes else 1
    return told + f" ({MAX_PLACES} of {settings} settings shown)" * (settings > MAX_PLACES)


def _rates(results: Results, styles: Looks) -> Figure:
    """Accuracy, loss and share of ok seeds against the rate; a row for each value of the further axes."""
    places = _by_place(results, results.summary)
    points = dict(_by_place(results, results.scored_trials))
    handles = _handles(styles, markers=True)
    handles += [
        Line2D([], [], color="#555555", marker=".", linestyle="", markersize=4, label="one trial"),
        Line2D([], [], color="#555555", marker="x", linestyle="", label="diverged: counted at chance / initial loss"),
        Line2D([], [], color="#777777", linestyle=":", linewidth=0.8, label="chance"),
    ]
    many = results.summary["n"].max() > 1
    note = f"line: mean over {_seeds(results)}; band: lowest to highest" if many else "one seed: no spread is known"
    note += "; right: share of seeds that train, Wilson 95% interval"
    figure, axes = _grid(len(places), 3, NARROW, (0.62, 0.35), handles, note + CUT)
    cut = False
    for row, (place, summary) in zip(axes, places, strict=True):
        for ax, score in zip(row[:2], ("validation_score", "validation_loss"), strict=True):
            draw.score_against_rate(ax, summary, points[place], score, styles)
        row[0].set_title(place, loc="left")
        row[0].axhline(points[place]["chance"].iloc[0], color="#777777", linewidth=0.8, linestyle=":", zorder=1)
        cut |= _bound_losses([row[1]], points[place]["initial_loss"].max())
        draw.share_ok_against_rate(row[2], summary, styles)
    for ax in axes[:-1].flat:
        ax.set_xlabel("")
    _note(figure, note + CUT * cut)
    return figure


def _curves(results: Results, trials: pd.DataFrame, place: str, styles: Looks) -> Figure:
    """Validation accuracy and training loss epoch by epoch, a column a learning rate, at most COLUMNS side by side."""
    rates = sorted(trials["learning_rate"].unique())
    shown = rates[:: -(-len(rates) // MAX_RATES)]
    seeds = trials["seed"].unique()
    trials = trials[trials["seed"].isin(seeds[:MAX_SEEDS]) & trials["learning_rate"].isin(shown)]
    blocks = -(-len(shown) // COLUMNS)
    columns = -(-len(shown) // blocks)
    history = results.full_history[results.full_history["trial"].isin(trials["trial"])].merge(
        trials[["trial", "variant", "learning_rate", "diverged_at_step"]], on="trial"
    )
    handles = _handles(styles, markers=False)
    handles.append(Line2D([], [], color="#555555", marker="x", linestyle="", label="diverged here"))
    notes = [place] * bool(place) + [f"{len(shown)} of {len(rates)} rates"] * (len(shown) < len(rates))
    notes.append(f"{min(MAX_SEEDS, len(seeds))} of {len(seeds)} seeds" if len(seeds) > 1 else "one seed")
    note = f"a line a trial; {', '.join(notes)}"
    figure, axes = _grid(2 * blocks, columns, SMALL, (0.14, 0.42), handles, note + CUT)
    for i, rate in enumerate(shown):
        accuracy, loss = axes[2 * (i // columns)][i % columns], axes[2 * (i // columns) + 1][i % columns]
        part = history[history["learning_rate"] == rate]
        draw.score_against_epoch(accuracy, part, "validation_score", styles)
        draw.score_against_epoch(loss, part, "train_loss", styles)
        accuracy.set_title(f"rate {draw.rate_label(rate)}")
        loss.tick_params(labelbottom=True)
        if i >= columns * (blocks - 1):
            loss.set_xlabel("epoch")
    for ax in [ax for row in (-2, -1) for ax in axes[row][len(shown) - columns * (blocks - 1) :]]:
        ax.remove()
    used = [ax for row in axes[1::2] for ax in row if ax.figure]
    cut = _bound_losses(used, trials["initial_loss"].max())
    for row, name in enumerate(["validation_score", "train_loss"] * blocks):
        axes[row][0].set_ylabel(draw.score_label(name, results.score_name))
        for ax in axes[row][1:]:
            ax.tick_params(labelleft=False, which="both")
    _note(figure, note + CUT * cut)
    return figure


def _curves_of_places(results: Results, styles: Looks) -> Iterator[DrawnFigure]:
    places = _by_place(results, results.trials)
    for i, (place, trials) in enumerate(places, start=1):
        name = "curves" if len(places) == 1 else f"curves-{i}"
        caption = f"Validation {results.score_name} and training loss, epoch by epoch, at each learning rate"
        caption += f"{place and ', '}{place}."
        yield DrawnFigure(name, caption, _curves(results, trials, place, styles))


def _multiples(
    results: Results,
    table: pd.DataFrame,
    styles: Looks,
    note: str,
    draw: Callable[[Axes, pd.DataFrame], None],
    height: float | None = None,
) -> Figure:
    """A panel for each value of the further axes, two side by side."""
    places = _by_place(results, table)
    columns = min(2, len(places))
    rows = -(-len(places) // columns)
    width, usual = ALONE if len(places) == 1 else PANEL
    size = (width, height or usual)
    figure, axes = _grid(rows, columns, size, (0.62, 0.62), _handles(styles, markers=True), note)
    for ax, (place, part) in zip(axes.flat, places, strict=False):
        draw(ax, part)
        ax.set_title(place)
        ax.tick_params(labelbottom=True)
    for ax in axes.flat[len(places) :]:
        ax.remove()
    _note(figure, note)
    return figure


def _differences(results: Results, styles: Looks) -> DrawnFigure | None:
    table = results.differences()
    if table.empty:
        return None
    score = "validation_score"
    note = f"{draw.score_label(score, results.score_name)}, difference to {results.baseline}, paired by seed: "
    note += f"mean over {_seeds(results)}; "
    note += "bar: 95% t interval" if table["low"].notna().any() else "too few for an interval"
    others = {name: look for name, look in styles.items() if name in set(table["variant"])}
    figure = _multiples(
        results, table, others, note, lambda ax, part: draw.difference_against_rate(ax, part, score, styles)
    )
    return DrawnFigure(
        "differences",
        f"Paired difference in validation {results.score_name} to {results.baseline}, at equal rate.",
        figure,
    )


def _times(results: Results, styles: Looks) -> DrawnFigure | None:
    table = results.times.dropna(subset="target")
    if table.empty:
        return None
    last = max(1.0, float(results.trials["epochs"].max()))  # all may have diverged in the first
    target = " / ".join(f"{target:.3g}" for target in dict.fromkeys(table["target"]))
    note = f"median over {_seeds(results)} of the epoch at which validation {results.score_name} reaches {target}; "
    note += "cross: half of them or more never do"
    note += f"; without a panel: {results.baseline} trains at no rate" * (len(table) < len(results.times))
    figure = _multiples(results, table, styles, note, lambda ax, part: draw.time_against_rate(ax, part, styles, last))
    return DrawnFigure(
        "times", f"Epochs until validation {results.score_name} reaches {target}, against the learning rate.", figure
    )


def _heat_maps(results: Results, styles: Looks) -> DrawnFigure | None:
    places = _by_place(results, results.by_epoch)
    if results.by_epoch["epoch"].nunique() < 2:
        return None
    rows = [(place, variant, part[part["variant"] == variant]) for place, part in places for variant in styles]
    rows = [row for row in rows if len(row[2])]
    columns = min(3, len(rows) if len(places) == 1 else len(styles))
    note = f"mean over {_seeds(results)}; a diverged trial counts at chance from its divergence on"
    figure, axes = _grid(-(-len(rows) // columns), columns, NARROW, (0.5, 0.75), [], note, right=0.85)
    for ax, (place, variant, part) in zip(axes.flat, rows, strict=False):
        mesh = draw.heat_map(ax, part, "validation_score")
        ax.set_title(f"{variant}\n{place}" if place else variant)
        ax.tick_params(labelbottom=True)
    for ax in axes.flat[len(rows) :]:
        ax.remove()
    for row in axes:
        row[0].set_ylabel("learning rate")
    here = axes[0][-1].get_position()
    beside = figure.add_axes(
        (here.x1 + 0.12 / figure.get_figwidth(), here.y0, 0.1 / figure.get_figwidth(), here.height)
    )
    figure.colorbar(mesh, cax=beside, format=PercentFormatter(1.0)).set_label(f"validation {results.score_name}")
    _note(figure, note)
    return DrawnFigure("heat", f"Validation {results.score_name} as colour over epoch and learning rate.", figure)


def _efforts(results: Results, styles: Looks) -> DrawnFigure | None:
    table = results.tuning
    if table["tried"].max() < 2:
        return None
    note = f"expected best validation {results.score_name} after so many rates of the grid, drawn blindly; mean over "
    note += _seeds(results)
    figure = _multiples(
        results, table, styles, note, lambda ax, part: draw.tuning_effort(ax, part, styles, results.score_name)
    )
    return DrawnFigure(
        "effort", f"Expected best validation {results.score_name} after k randomly chosen rates.", figure
    )


def _ranges(results: Results, styles: Looks) -> DrawnFigure | None:
    rates = sorted(results.summary["learning_rate"].unique())
    note = f"bar: grid rates around the best (marked) at which each of {_seeds(results)} trains; arrow: the grid ends; "
    note += "cross: not even at the best"
    figure = _multiples(
        results,
        results.variants,
        styles,
        note,
        lambda ax, part: draw.stable_ranges(ax, part, rates, styles),
        height=0.35 * (len(styles) + 1),
    )
    return DrawnFigure("ranges", "The learning rates around the best one at which every seed trains.", figure)


def _pre_activations(results: Results, styles: Looks) -> DrawnFigure | None:
    known = results.full_history.dropna(subset=PRE_ACTIVATIONS)
    trials = results.trials[results.trials["trial"].isin(known["trial"])]
    best = trials.merge(results.variants[["variant", *results.axes, "best_rate"]], on=["variant", *results.axes])
    shown = best[best["learning_rate"] == best["best_rate"]].drop_duplicates(["variant", *results.axes])
    if shown.empty:
        return None
    places = _by_place(results, shown)
    names = list(dict.fromkeys(shown["variant"]))
    note = "what goes into one unit's activation in the last hidden layer; line: median over rows, band: 15th to 85th "
    note += f"percentile; seed {shown['seed'].iloc[0]}, each variant at its own best rate"
    note += f"; {COLUMNS} of {len(names)} variants" * (len(names) > COLUMNS)
    names = names[:COLUMNS]
    figure, axes = _grid(len(places), len(names), NARROW, (0.2, 0.42), [], note)
    for row, (place, part) in zip(axes, places, strict=True):
        for ax, name in zip(row, names, strict=True):
            for trial in part[part["variant"] == name].to_dict("records"):
                draw.percentiles_against_epoch(ax, known[known["trial"] == trial["trial"]], styles[name])
                ax.set_title(f"{name}, rate {draw.rate_label(trial['learning_rate'])}" + f"\n{place}" * bool(place))
        ends = [end for ax in row for end in ax.get_ylim()]
        for ax in row:
            ax.set_ylim(min(ends), max(ends))
            ax.tick_params(labelleft=ax is row[0])
        row[0].set_ylabel("pre-activation")
    _note(figure, note)
    return DrawnFigure("pre-activations", "What goes into one unit of the last hidden layer, epoch by epoch.", figure)


def _short(name: str) -> str:
    """A name that leaves room for others in a legend."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _handles(styles: Looks, markers: bool) -> list[Line2D]:
    """The variants' entries of a legend."""
    return [
        Line2D([], [], color=s.colour, marker=s.marker if markers else "", linestyle=s.dash, label=_short(name))  # type: ignore[arg-type]
        for name, s in styles.items()
    ]


def _bound_losses(axes: Sequence[Axes], initial: float) -> bool:
    """Give loss axes one range that ends at some times the initial loss; whether that cuts anything off."""
    low, high = min(ax.get_ylim()[0] for ax in axes), max(ax.get_ylim()[1] for ax in axes)
    cut = bool(initial > 0 and high > LOSS_ROOM * initial)
    for ax in axes:
        ax.set_ylim(min(low, initial / 2) if cut else low, LOSS_ROOM * initial if cut else high)
        draw.loss_ticks(ax)
    return cut
