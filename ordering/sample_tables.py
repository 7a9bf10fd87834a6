"""The files of a made-up city that do not grow with the simulation: who and what there is, and what the company published.

Each function gives the columns of one file of the contract, for the weeks that are written: from week `BURN_IN` to the waiting one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ordering import sample_names as names
from ordering.sample_habits import sincere
from ordering.sample_market import Hold
from ordering.sample_plan import BAND_CLASS, NO_CAP, Plan, scoped_caps
from ordering.sample_season import Season
from ordering.sample_town import BURN_IN, REGIMES, STARS, Ints, Town, stream

Columns = Mapping[str, Any]
ORIGINS = ("province", "province", "other", "other", "other", "other", "other", "imported")
"""Origin by maker: the first two are the province's own."""
ATTRIBUTES = {"ample": "ample", "balanced": "balanced", "alternating": "balanced", "tight": "tight", "new": "new"}
REASONS = ("证照年审未通过", "货款未结清", "涉嫌外流调查", "店面装修停业")
NOTES = ("按时配送，账实相符", "库存盘点有出入", "要货量多次远高于销量", "明码标价良好", "曾拒绝盘点")


def retailers(town: Town, plan: Plan) -> Columns:
    """retailers.csv: the star level is that of the waiting week's month."""
    import pyarrow as pa

    shops, cutoff = town.shops, town.cutoff
    opened, closed = shops.opens > BURN_IN, shops.closes <= cutoff
    first = town.weeks[np.minimum(shops.opens, len(town.weeks) - 1)]
    last = town.weeks[np.minimum(shops.closes, len(town.weeks) - 1)] - 1
    return {
        "retailer_id": shops.ids,
        "name": shops.name,
        "star_level": plan.level[plan.month[cutoff]] + 1,
        "district": np.array(town.districts, object)[shops.district],
        "street": np.array(town.streets, object)[shops.street],
        "area_type": np.where(shops.rural, "rural", "urban").astype(object),
        "business_format": np.array(names.FORMATS, object)[shops.format],
        "account_manager": np.array([f"M{clerk + 1:03d}" for clerk in shops.account_manager], object),
        "order_weekday": shops.weekday,
        "latitude": shops.latitude,
        "longitude": shops.longitude,
        "licence_group": shops.group,
        "visit_every_weeks": shops.every,
        "active_from": pa.array(first, mask=~opened),
        "active_to": pa.array(last, mask=~closed),
    }


def brands(town: Town) -> Columns:
    """brands.csv: launches and withdrawals within the weeks that are written are dated."""
    import pyarrow as pa

    wares = town.brands
    dated, gone = wares.launched >= BURN_IN, wares.withdrawn <= town.cutoff
    inside = len(town.weeks) - 1
    return {
        "brand_id": wares.ids,
        "name": wares.name,
        "manufacturer": np.array(names.MAKERS, object)[wares.maker],
        "price_class": wares.price_class,
        "wholesale_price": wares.price,
        "pack_multiple": wares.pack,
        "launched_on": pa.array(town.weeks[np.clip(wares.launched, 0, inside)], mask=~dated),
        "withdrawn_on": pa.array(town.weeks[np.clip(wares.withdrawn, 0, inside)], mask=~gone),
        "supply_attribute": np.array([ATTRIBUTES[REGIMES[regime]] for regime in wares.regime], object),
        "origin": np.array(ORIGINS, object)[wares.maker],
        "resale_prone": wares.resale_prone,
    }


def release_strategy(town: Town, plan: Plan) -> Columns:
    """release_strategy.csv: the general caps, and after them the narrower ones of the brands that have any."""
    parts = [_strategy_rows(town, plan.cap, "", "")]
    for scope in plan.scopes:
        caps = np.full(plan.cap.shape, NO_CAP)
        caps[:, scope.brand] = scoped_caps(plan, scope)
        district = "" if scope.district < 0 else town.districts[scope.district]
        parts.append(_strategy_rows(town, caps, district, ("urban", "rural", "")[scope.area]))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _strategy_rows(town: Town, caps: Ints, district: str, area_type: str) -> dict[str, npt.NDArray[Any]]:
    """The rows of one scope: those of `caps` (K, B, STARS) that are caps, in the weeks that are written."""
    week, brand, star = np.nonzero(caps != NO_CAP)
    kept = (week >= BURN_IN) & (week <= town.cutoff)
    week, brand, star = week[kept], brand[kept], star[kept]
    return {
        "brand_id": town.brands.ids[brand],
        "week": town.weeks[week],
        "star_level": star + 1,
        "district": np.full(len(week), district, np.object_),
        "area_type": np.full(len(week), area_type, np.object_),
        "cap": caps[week, brand, star],
    }


def band_caps(town: Town, plan: Plan) -> Columns:
    """band_caps.csv: one price class in some weeks."""
    k, star = np.nonzero(plan.band != NO_CAP)
    kept = (k >= BURN_IN) & (k <= town.cutoff)
    k, star = k[kept], star[kept]
    return {"week": town.weeks[k], "star_level": star + 1, "price_class": np.full(len(k), BAND_CLASS), "cap": plan.band[k, star]}


def star_levels(town: Town, plan: Plan) -> Columns:
    """star_levels.csv: of every month of which a written week is part, for the shops open in it."""
    months = np.unique(plan.month[BURN_IN : town.cutoff + 1])
    week_open = (np.arange(len(town.weeks))[:, None] >= town.shops.opens) & (np.arange(len(town.weeks))[:, None] < town.shops.closes)
    opened = np.array([week_open[plan.month == month].any(axis=0) for month in months])
    at, retailer = np.nonzero(opened)
    return {"retailer_id": town.shops.ids[retailer], "month": _month_names(town)[months[at]],
            "star_level": plan.level[months[at], retailer] + 1}  # fmt: skip


def monthly_quotas(town: Town, plan: Plan) -> Columns:
    """monthly_quotas.csv: per brand where there is one, and the total over all brands (no brand)."""
    months = np.unique(plan.month[BURN_IN : town.cutoff + 1])
    month, brand, star = np.nonzero(plan.quota[months] != NO_CAP)
    every_month, every_star = (part.ravel() for part in np.indices((len(months), STARS)))
    labels = _month_names(town)[months]
    return {
        "month": np.r_[labels[month], labels[every_month]],
        "star_level": np.r_[star, every_star] + 1,
        "brand_id": np.r_[town.brands.ids[brand], np.full(len(every_star), "", object)],
        "quota": np.r_[plan.quota[months[month], brand, star], plan.total[months[every_month], every_star]],
    }


def daily_limits(plan: Plan) -> Columns:
    """daily_limits.csv."""
    return {"star_level": np.arange(STARS) + 1, "limit": plan.limit}


def festivals(town: Town, season: Season) -> Columns:
    """festivals.csv: the districts' own customs, past and coming."""
    kept = [f for f in season.festivals if town.weeks[BURN_IN] <= f.starts_on <= town.weeks[-1]]
    return {
        "name": [f.name for f in kept],
        "starts_on": np.array([f.starts_on for f in kept], "datetime64[D]"),
        "district": [town.districts[f.district] for f in kept],
        "days": [f.days for f in kept],
    }


def regressors(town: Town, season: Season) -> Columns:
    """regressors.csv: population and planned events by district and week, the coming weeks included."""
    k, district = (part.ravel() for part in np.indices(season.event.shape))
    kept = k >= BURN_IN
    k, district = k[kept], district[kept]
    return {
        "district": np.tile(np.array(town.districts, object)[district], 2),
        "week": np.tile(town.weeks[k], 2),
        "name": np.repeat(np.array(["population", "local_event"], object), len(k)),
        "value": np.r_[season.population[k, district], season.event[k, district].astype(float)],
    }


def monthly_plan(town: Town, season: Season, plan: Plan) -> Columns:
    """monthly_plan.csv: what arrives for the weeks of the month, or where supply is not limited what is expected to sell."""
    volume = np.where(plan.limited, plan.planned, np.rint(plan.normal)).astype(np.int64)
    sums = np.zeros((int(plan.month[-1]) + 1, volume.shape[1]), np.int64)
    np.add.at(sums, plan.month, volume)
    month, brand = np.nonzero(sums[plan.month[BURN_IN] : plan.month[town.cutoff] + 1])
    month += plan.month[BURN_IN]
    return {"brand_id": town.brands.ids[brand], "month": _month_names(town)[month], "volume": sums[month, brand]}


def arrivals(town: Town, plan: Plan) -> Columns:
    """arrivals.csv: short brands arrive on the Friday before their week; four weeks ahead are known."""
    short = plan.limited & np.isin(town.brands.regime, (REGIMES.index("tight"), REGIMES.index("alternating")))
    k, brand = np.nonzero((plan.planned[: town.cutoff + 5] > 0) & short)
    kept = k >= BURN_IN
    k, brand = k[kept], brand[kept]
    return {"brand_id": town.brands.ids[brand], "arrives_on": town.weeks[k] - 3, "quantity": plan.planned[k, brand]}


def targets(town: Town) -> Columns:
    """targets.csv: the fulfilment rate by month and district, rising over the last year; the city has one too."""
    months = np.unique(town.months[max(BURN_IN, town.cutoff - 51) : town.cutoff + 1]).astype(str)
    stage, place = (part.ravel() for part in np.indices((len(months), len(town.districts) + 1)))
    value = np.array(["", *town.districts], object)[place]
    return {
        "metric": np.full(len(stage), "fulfilment_rate", object),
        "period": months.astype(object)[stage],
        "dimension": np.where(place > 0, "district", "").astype(object),
        "value": value,
        "target": np.round(0.62 + 0.012 * stage + 0.01 * (place % 3), 3),
    }


def integrity(town: Town) -> Columns:
    """integrity.csv: a conduct record for some shops in the last three months."""
    rng = stream(town.seed, 8)
    months = np.unique(town.months[BURN_IN : town.cutoff + 1])[-3:].astype(str)
    chosen = np.flatnonzero((rng.random(len(town.shops.ids)) < 0.12) & (town.shops.closes > town.cutoff))
    month, at = (part.ravel() for part in np.indices((len(months), len(chosen))))
    score = np.clip(rng.normal(88, 7, len(at)) - 6 * ~sincere()[town.shops.habit[chosen[at]]], 40, 100)
    note = np.where(score > 85, 0, np.where(score > 75, 1, 2)) + 3 * (rng.random(len(at)) < 0.3) * (score > 80)
    return {
        "retailer_id": town.shops.ids[chosen[at]],
        "month": months.astype(object)[month],
        "score": np.round(score, 1),
        "note": np.array(NOTES, object)[np.minimum(note, len(NOTES) - 1)],
    }


def draw_holds(town: Town) -> list[Hold]:
    """A few shops that were given nothing for some weeks, and one of them still is in the waiting week; never the first shop."""
    rng = stream(town.seed, 9)
    number = len(town.shops.ids) // 150
    chosen = 1 + rng.permutation(len(town.shops.ids) - 1)[:number]
    out = []
    for nth, retailer in enumerate(chosen):
        start = town.cutoff - 1 if nth == 0 else int(rng.integers(BURN_IN, town.cutoff))
        brand = -1 if nth % 2 == 0 else int(rng.integers(len(town.brands.ids)))
        first = town.weeks[start] + int(rng.integers(0, 7))
        out.append(Hold(int(retailer), brand, first, first + int(rng.integers(20, 60)), REASONS[nth % len(REASONS)]))
    return out


def holds(town: Town, drawn: list[Hold]) -> Columns:
    """holds.csv."""
    return {
        "retailer_id": [town.shops.ids[hold.retailer] for hold in drawn],
        "brand_id": ["" if hold.brand < 0 else town.brands.ids[hold.brand] for hold in drawn],
        "from": np.array([hold.first for hold in drawn], "datetime64[D]"),
        "to": np.array([hold.last for hold in drawn], "datetime64[D]"),
        "reason": [hold.reason for hold in drawn],
    }


def _month_names(town: Town) -> npt.NDArray[np.object_]:
    """The label YYYY-MM of each month, by number."""
    return np.unique(town.months).astype(str).astype(object)
