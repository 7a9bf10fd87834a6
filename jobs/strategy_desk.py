"""A week's strategy before it is published: what is proposed, what it changes, and publishing just that.

A proposal takes seconds, and people look twice: it is remembered in the process while nothing changes of which it is made.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import pandas as pd
from cachetools import LRUCache, cached

from jobs import nightly, strategies
from jobs.exports import Source
from jobs.strategies import Proposal
from ordering import frames
from ordering.database import counters, planning
from ordering.errors import StateError
from ordering.model import week_of

KEY = list(frames.RELEASE_STRATEGY.key)
KEPT = 4
"""Proposals that are remembered."""
AHEAD = 10
"""Weeks after the night's own whose lines a proposal may be made of: it is of the month's weeks, and plans no later month than the next."""


def proposal(source: Source, week: date | None = None) -> Proposal:
    """`strategies.strategy` of a week (the first without one unless given), made once for each state of the database and the settings.

    Whoever asks while it is made waits for it. Raises what strategies.strategy raises, and StateError where the week is more than a year
    from the night.
    """
    if week is not None and abs(week - source.run.business_date) > timedelta(weeks=53):
        raise StateError(
            f"week {week} is more than a year from {source.run.business_date}, the date of the newest night; choose a nearer one",
            f"{week}当周与最近一次夜间作业的业务日期{source.run.business_date}相距一年以上，请选择较近的周",
        )
    return _proposal(source, week)


def _stamp(source: Source, week: date | None) -> tuple[object, ...]:
    """What a proposal depends on: the run, the settings, the city's tables, and the lines of the weeks that may be planned."""
    monday = week_of(source.run.business_date)
    lines = counters.seen(source.db, [monday, max(week or monday, monday + timedelta(weeks=AHEAD))])
    run, settings = source.run, nightly.settings_hash(source.settings)
    return source.db.url, run.run_id, run.result_hash, settings, week, counters.city_now(source.db), tuple(sorted(lines.items()))


@cached(LRUCache(KEPT), key=_stamp, condition=threading.Condition())
def _proposal(source: Source, week: date | None) -> Proposal:
    return strategies.strategy(source, week)


@dataclass(frozen=True)
class Preview:
    """A proposal beside the strategy that its week `has` (rows of release_strategy, of all brands)."""

    proposal: Proposal
    has: pd.DataFrame

    @cached_property
    def changes(self) -> pd.DataFrame:
        """KEY, cap_before and cap: the caps that publishing would write or take out otherwise than they are; missing: none."""
        written = self.proposal.rows().astype({"brand_id": "str"})
        old = self.has.astype({"brand_id": "str"})
        old = old[old["brand_id"].isin(written["brand_id"])]
        both = old.merge(written, on=KEY, how="outer", suffixes=("_before", ""), validate="1:1")
        same = (both["cap"] == both["cap_before"]).fillna(False)
        return both[~same.to_numpy(bool)].sort_values(KEY, ignore_index=True)

    @property
    def digest(self) -> str:
        """A hash of what publishing would write, and of what it would take out."""
        parts = [frame.astype("str").sort_values(KEY).to_csv(index=False) for frame in (self.proposal.rows(), self.has)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def preview(source: Source, week: date | None = None) -> Preview:
    """What publishing the proposal of a week would change. Raises what strategies.strategy raises."""
    found = proposal(source, week)
    return Preview(found, planning.strategy_of(source.db, found.week))


def publish(source: Source, week: date, *, seen: str, by: str, why: str, at: datetime) -> int:
    """Publish the proposal of a week as it was `seen` (Preview.digest), in the place of what the week has; gives the plan's id.

    Raises StateError where another is proposed by now, or the week's strategy was changed; and what planning.publish raises.
    """
    found = preview(source, week)
    if found.digest != seen:
        raise StateError(
            f"week {week}: another strategy is proposed by now, or the one in force was changed; nothing was published, look again",
            f"{week}当周的建议或现行策略已有变化，未发布；请重新查看后再确认",
        )
    rows, over = found.proposal.rows(), len(found.has) > 0
    return planning.publish(source.db, rows, week, replace=over, by=by, why=why, at=at)
