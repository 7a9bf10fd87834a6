"""The figures of the documents: `python -m benchmarks.figures [--to docs/figures]` draws them all, the same bytes each time."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import policy_games
from benchmarks.policy_games import PLAYS

PLACE = Path(__file__).resolve().parents[1] / "docs" / "figures"
SHOPS, SUPPLY, SEED, ROUNDS = 100, 0.6, 1, 4
"""Those of policy_games without arguments."""
STYLE = {
    "svg.hashsalt": "trueorder", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.titlesize": 10, "axes.titlelocation": "left", "legend.frameon": False,
}  # fmt: skip
COLOURS = {"proportional": "#b5402a", "true_demand, from past requests": "#d08b2c", "first_come": "#7a5ba6"}
"""Of the plays in which lies pay; all others are TRUTHFUL."""
TRUTHFUL, BEFORE = "#1f6f8b", "#9aa5ab"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=PLACE, help="folder (default: docs/figures)")
    folder = parser.parse_args(arguments).to
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        with matplotlib.rc_context(STYLE):
            draw().savefig(folder / name, format="svg", metadata={"Date": None, "Creator": None})
        print(folder / name)


def policies_under_gaming() -> Figure:
    """What is asked round after round, and what honest shops get where a fifth of all inflate, under each policy."""
    market = policy_games.drawn(SHOPS, SUPPLY, SEED)
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    climbing, honest = figure.subplots(1, 2, width_ratios=(1.0, 0.9))
    _climb(climbing, {name: [row["asked ÷ needed"] for row in policy_games.played(play, market, ROUNDS)] for name, play in PLAYS.items()})
    _honest(honest, {name: policy_games.inflated(play, market) for name, play in PLAYS.items()})
    return figure


def _climb(axes: Axes, asked: Mapping[str, Sequence[float]]) -> None:
    """Asked ÷ needed by round, one line a play; plays that never leave the truth share one."""
    truthful = [name for name, row in asked.items() if max(row) < 1.005]
    lying = [name for name in asked if name not in truthful]
    for number, name in enumerate(reversed(lying)):  # one may lie upon the other
        axes.plot(asked[name], "o-" if number == 0 else "s:", color=COLOURS[name], label=name, linewidth=2, markersize=5)
    said = textwrap.fill(", ".join(truthful), 40)
    axes.plot(asked[truthful[0]], "o-", color=TRUTHFUL, linewidth=2, markersize=5, label=said)
    axes.set(title="Asked ÷ needed, each shop answering the others", xlabel="round", yscale="log", ylim=(0.9, 50))
    axes.set_xticks(range(ROUNDS + 1))
    axes.set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"], minor=False)
    axes.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.legend(loc="upper left", fontsize=8)


def _honest(axes: Axes, met: Mapping[str, Mapping[str, float]]) -> None:
    """What honest shops get of their needs before and after, one row a play."""
    for row, (name, found) in enumerate(reversed(met.items())):
        before, after = found["honest, before"], found["honest, after"]
        axes.plot([before, after], [row, row], color=BEFORE, linewidth=2, zorder=1)
        axes.scatter([before], [row], color=BEFORE, s=45, zorder=2)
        axes.scatter([after], [row], color=COLOURS.get(name, TRUTHFUL), s=45, zorder=3)
        axes.annotate(f"{before:.3f} → {after:.3f}", (0.66, row), va="center", fontsize=8)
    axes.set_yticks(np.arange(len(met)), list(reversed(met)))
    axes.set(title="A fifth ask fivefold", xlim=(0.25, 0.8), xlabel="share of their needs that honest shops get")


FIGURES: Mapping[str, Callable[[], Figure]] = {"policies_under_gaming.svg": policies_under_gaming}

if __name__ == "__main__":
    main()
