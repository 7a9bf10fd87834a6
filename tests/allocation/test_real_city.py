"""The allocation of a whole city's week: 300 retailers, 30 brands, two years of history."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from allocation import bounds, policies, shortage, substitutes, suggest
from ordering import frames, importing, settings
from ordering.frames import Snapshot, day
from tests.allocation.recomputing import wrong
from tests.factories import SHARED, SNAPSHOT_TABLES

CITY = SHARED / "market_dev" / "city"
RULES = settings.load()
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not CITY.is_dir(), reason=f"the city's data is not at {CITY}")]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    nothing = importing.Stored(
        *(frames.empty(t) for t in (frames.RETAILERS, frames.BRANDS)), pd.DatetimeIndex([]), frames.empty(frames.RELEASE_STRATEGY)
    )
    return dict(importing.read_folder(CITY, nothing, RULES.importing).tables)


def city_on(tables: dict[str, pd.DataFrame], on: date) -> Snapshot:
    """What the night of `on` may know."""
    shops, wares = tables["retailers"], tables["brands"]
    kinds = {"retailer_id": pd.CategoricalDtype(shops["retailer_id"]), "brand_id": pd.CategoricalDtype(wares["brand_id"])}
    last = day(on + timedelta(days=6))

    def known(name: str) -> pd.DataFrame:
        frame = tables.get(name, frames.empty(frames.CONTRACT[name]))
        seen = frame[frame["week"] <= last] if "week" in frame else frame
        seen = seen[seen["counted_on"] < day(on)] if "counted_on" in seen else seen
        return seen.astype({c: k for c, k in kinds.items() if c in seen} if name in frames.LONG else {}).reset_index(drop=True)

    lines = tables["order_lines"].astype(kinds)
    lines["week"] = lines["order_date"] - pd.to_timedelta(lines["order_date"].dt.day_of_week, unit="D").dt.as_unit("us")
    ahead = lines[lines["order_date"].between(day(on), last)].reset_index(drop=True)
    return Snapshot(
        on,
        shops,
        wares,
        lines[lines["order_date"] < day(on)].reset_index(drop=True),
        ahead.assign(allocated=pd.array([None] * len(ahead), dtype="Int32")),
        week_levels=frames.empty(frames.WEEK_LEVELS),
        **{name: known(name) for name in SNAPSHOT_TABLES},
    )


def recent_demand(city: Snapshot) -> pd.DataFrame:
    """The last 13 weeks' mean allocation of every pair, as its demand on its retailer's next order day."""
    recent = city.lines[city.lines["week"] >= day(city.business_date) - pd.Timedelta(weeks=13)]
    found = (
        recent.groupby(["retailer_id", "brand_id"], observed=True)["allocated"].sum().astype("float64").div(13).reset_index(name="demand")
    )
    on = suggest.order_days(city)[found["retailer_id"].cat.codes.to_numpy()]
    week = on - pd.to_timedelta(on.day_of_week, unit="D")
    return found.assign(week=week.as_unit("us"), p10=0.0, p50=found["demand"], p90=2 * found["demand"])


@pytest.mark.parametrize("days_before", [0, 4, 40])
def test_no_line_is_above_request_cap_or_quota_and_no_brand_above_supply(tables: dict[str, pd.DataFrame], days_before: int) -> None:
    cutoff = date.fromisoformat((CITY.parent / "truth" / "cutoff.txt").read_text().strip())
    city = city_on(tables, cutoff - timedelta(days=days_before))
    demand = recent_demand(city)
    found = policies.allocate(city, suggest.expected_requests(city, demand), RULES.allocation, demand=demand)
    assert found.problems.empty
    assert len(found.lines) == len(city.waiting) > 2000
    lines = found.lines.assign(month=found.lines["week"].dt.strftime("%Y-%m"), given=found.lines["allocated"].astype("int64"))
    assert (lines["given"] <= lines["requested"]).all()
    before = city.lines.assign(given=city.lines["allocated"].astype("int64"), month=city.lines["week"].dt.strftime("%Y-%m"))
    levels = city.star_levels.astype({"retailer_id": "str"})
    plain = lines.astype({"retailer_id": "str", "brand_id": "str"}).merge(levels, on=["retailer_id", "month"], how="left", validate="m:1")
    past = before[before["month"].isin(lines["month"])].astype({"retailer_id": "str", "brand_id": "str"})
    for scope, table, most in (
        (["brand_id", "week"], city.supply, "available"),
        (["retailer_id", "brand_id", "week"], city.release_strategy, "cap"),
        (["retailer_id", "brand_id", "month"], city.monthly_quotas, "quota"),
    ):
        now = plain.groupby([*scope, *({"star_level"} & set(table.columns))])["given"].sum().reset_index()
        used = past.groupby(scope)["given"].sum().rename("used").reset_index()
        on = [name for name in ("brand_id", "week", "month", "star_level") if name in table.columns]
        both = now.merge(table, on=on, how="inner", validate="m:1").merge(used, on=scope, how="left", validate="1:1").fillna({"used": 0})
        assert len(both) > 10
        assert (both["given"] <= np.maximum(both[most] - both["used"], 0)).all(), most


def test_reasons_of_the_past_are_found_quickly_and_fit(tables: dict[str, pd.DataFrame]) -> None:
    city = city_on(tables, date(2026, 8, 31))
    reasons = bounds.attribute(city, city.lines)
    short = (city.lines["allocated"] < city.lines["requested"]).to_numpy(bool)
    assert (reasons[~short] == "FULL").all()
    assert {"STAR_CAP", "QUOTA_BRAND", "LEVEL"} == set(reasons[short])


def test_suggestions_keep_to_what_can_be_had(tables: dict[str, pd.DataFrame]) -> None:
    city = city_on(tables, date(2026, 8, 31))
    demand = recent_demand(city)
    claims = suggest.expected_requests(city, demand)
    allocated = policies.allocate(city, claims, RULES.allocation, demand=demand)
    supply = shortage.of(city, suggest.order_weeks(city), allocated, claims, RULES.allocation)
    found = suggest.suggest(city, demand, RULES.suggesting, supply)
    assert found["suggested"].sum() > 1000
    assert list(wrong(found)) == []
    offered = substitutes.offer(city, found, supply, RULES.suggesting)
    assert len(offered) > 50
    more = offered.rename(columns={"quantity": "suggested"}).assign(brand_id=offered["substitute_id"])
    names = ["retailer_id", "brand_id", "week"]
    both = pd.concat([found, more])[[*names, "suggested"]].astype({"retailer_id": "str", "brand_id": "str"})
    level = both.groupby(names, as_index=False)["suggested"].sum().assign(month="2026-08")
    level = level.merge(city.star_levels.astype({"retailer_id": "str"}), on=["retailer_id", "month"], validate="m:1")
    capped = level.merge(city.release_strategy, on=["brand_id", "week", "star_level"], validate="m:1")
    assert (capped["suggested"] <= capped["cap"]).all()
    sums = level.groupby(["brand_id", "week"], as_index=False)["suggested"].sum()
    limited = sums.merge(city.supply, on=["brand_id", "week"], validate="1:1")
    assert len(limited) > 10
    assert (limited["suggested"] <= limited["available"]).all()
