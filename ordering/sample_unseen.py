"""Held-out ways of ordering, for the kind "unseen". Who works on the estimator or on the flags should not read this file, nor the
lines, needs and habits of a city of this kind: the kind is there to show what happens when retailers order in a way that nobody
thought of. It is scored once per release, and the figures are all that is told.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ordering.sample_habits import Habit, Knowledge, Whole
from ordering.sample_town import stream

Truths = npt.NDArray[np.bool_]

RUMOURS = 110
"""Purpose of the stream that rumours are drawn from."""


def spreader(know: Knowledge) -> Whole:
    """What it expects to be refused of its short brands it adds to the one of them that came best lately: a full shelf, of whatever.

    Brands given as presents make up for each other, and so do the others.
    """
    open_to_it = know.short & _on_sale(know) & (know.believed > 0.1)
    asked = know.need.copy()
    for same in (know.dear, ~know.dear):
        part = open_to_it & same
        refused = np.where(part, know.need * (1 - know.share), 0).sum(axis=1)
        easiest = np.where(part, know.share, -1).argmax(axis=1)
        rows = np.flatnonzero(part.any(axis=1))
        asked[rows, easiest[rows]] += np.ceil(refused[rows]).astype(np.int32)
    return np.minimum(asked, _full(know, 12))


def early_bird(know: Knowledge) -> Whole:
    """With the month's first order it asks for the month's whole sales of a short brand, before the quotas are used up."""
    month = know.town.months
    since = know.week - int(np.searchsorted(month, month[know.week]))
    first = since < know.town.shops.every[know.shop]
    whole = know.need + np.ceil(4.5 * know.believed)
    grabs = know.short & first[:, None] & (know.believed > 0.2)
    return np.where(grabs, np.minimum(whole, _full(know, 10)), know.need).astype(np.int32)


def believer(know: Knowledge) -> Whole:
    """Hears in the district's chat group that this or that will soon be gone, and triples what it needs of it, and more, for weeks.

    A rumour lasts three weeks and is believed of brands that were cut lately, however much of them is left.
    """
    chance = stream(know.town.seed, RUMOURS, know.week // 3).random((len(know.town.districts), know.need.shape[1]))
    told = (chance < 0.2)[know.town.shops.district[know.shop]]
    scared = np.maximum(3 * know.need, np.ceil(4 * know.believed)) + 3
    wants = know.short & told & (know.believed > 0.1)
    return np.where(wants, np.minimum(scared, _full(know, 12)), know.need).astype(np.int32)


def courtier(know: Knowledge) -> Whole:
    """Spends all its boldness on one brand, the dearest that is short and that its good customers ask for; honest in all else."""
    prized = np.where(know.short & _on_sale(know) & (know.believed > 0.2), know.town.brands.price, 0)
    rows = np.flatnonzero(prized.max(axis=1) > 0)
    asked = know.need.copy()
    best = prized[rows].argmax(axis=1)
    bold = np.minimum(4 * know.need[rows, best] + 10, _full(know, 15)[rows, best])
    asked[rows, best] = np.maximum(bold, know.need[rows, best])
    return asked


def monthly(know: Knowledge) -> Whole:
    """Orders about every third week (a fortnightly shop every fourth) what it will sell until the next time, or when the shelf is bare.

    Honest: all it asks for is sold in the weeks between.
    """
    shops, at = know.town.shops, know.shop
    every = shops.every[at]
    turns = np.where(every == 1, 3, 2)
    due = ((know.week + shops.phase[at]) // every + at) % turns == 0
    bare = know.stock.sum(axis=1) < 0.5 * know.believed.sum(axis=1)
    ahead = (turns * every + shops.cover[at])[:, None] * know.believed
    missing = ahead + 0.7 * np.sqrt(ahead) - know.stock
    pack = know.town.brands.pack
    return np.where((due | bare)[:, None], np.maximum(np.floor(missing / pack + 0.5), 0) * pack, 0).astype(np.int32)


def resigned(know: Knowledge) -> Whole:
    """Asks of a short brand no more than the part of its need that it has come to expect: the rest is not worth the typing."""
    expected = np.maximum(np.floor(know.need * know.share), np.minimum(know.need, 1))
    return np.where(know.short, expected, know.need).astype(np.int32)


def _on_sale(know: Knowledge) -> Truths:
    brands = know.town.brands
    return np.asarray((brands.launched <= know.week) & (know.week < brands.withdrawn))


def _full(know: Knowledge, weeks: int) -> Whole:
    """The most a shop finds room for: `weeks` of sales and a few more, less the stock, but never less than its need."""
    room = np.ceil(weeks * know.believed + 6 - know.stock)
    return np.maximum(room, know.need).astype(np.int32)


HABITS: Mapping[str, Habit] = {
    f"unseen_{number}": habit for number, habit in enumerate((monthly, spreader, early_bird, believer, resigned, courtier), start=1)
}
SINCERE = ("unseen_1", "unseen_5")
"""Those who never ask for more than they can use: unusual, but honest."""
