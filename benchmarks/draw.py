"""The figure of the steps: one panel per network, one line per way to train, on a logarithmic axis."""

from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.networks import NETWORKS
from benchmarks.peers import PEERS, TWO
from bnbench.report.figures.style import COLORS, STYLE

LOOKS = {"plain": (COLORS[0], "o", 0.14), "batchnorm": (COLORS[1], "s", -0.14)}


def steps(table: pd.DataFrame, path: Path) -> None:
    """Write `path`.png and .svg: the median time of a step, and lowest to highest, for each peer."""
    names = [name for name in NETWORKS if name in set(table["network"])]
    order = [TWO, *(title for _, _, title in PEERS.values())]
    with rc_context(dict(STYLE)):
        figure = Figure(figsize=(6.8, 2.2 * -(-len(names) // 2) + 0.5), layout="constrained")
        panels = figure.subplots(-(-len(names) // 2), 2, squeeze=False, sharey=True).flat
        for ax, name in zip(panels, names, strict=False):
            for variant, (color, marker, shift) in LOOKS.items():
                part = (
                    table[(table["network"] == name) & (table["variant"] == variant)].set_index("peer").reindex(order)
                )
                height = [len(order) - 1 - i + shift for i in range(len(order))]
                ax.hlines(height, part["lowest"], part["highest"], color=color, linewidth=1.2, alpha=0.6)
                ax.plot(part["microseconds"], height, color=color, marker=marker, linestyle="", markersize=4)
                ax.axvline(part["microseconds"][TWO], color=color, linewidth=0.7, linestyle=":")
            ax.set_xscale("log")
            ax.set_title(NETWORKS[name].title)
            ax.set_yticks(range(len(order)), order[::-1])
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e3:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        for ax in list(panels):
            ax.remove()
        figure.supxlabel("milliseconds per training step (median; line: lowest to highest)", fontsize=8)
        handles = [Line2D([], [], color=c, marker=m, linestyle="", label=v) for v, (c, m, _) in LOOKS.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=2)
        for kind in ("png", "svg"):
            figure.savefig(path.with_suffix(f".{kind}"), metadata={"Date": None} if kind == "svg" else None)
