"""The scoreboard's exports: how near the forecasts came, how well retailers know their sales, what overriding suggestions brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from jobs.exports import COLUMNS, Source
from ordering import database, frames, metrics, rate_cells, record
from ordering.database import forecasts
from ordering.errors import TrueOrderError
from ordering.model import week_of

Columns = Sequence[str]
SCORES, KNOWLEDGE, WORTH = (COLUMNS[what] for what in ("accuracy", "retailer-knowledge", "overrides"))
DIMENSIONS: Mapping[str, Columns] = {
    "accuracy": ("brand", "district", "retailer", "manager", "manufacturer", "price_class", "horizon", "period"),
    "overrides": ("brand", "district", "retailer", "manager", "manufacturer", "price_class", "period"),
}
"""The dimensions of `--by`, for each export that has them."""
OF_RETAILERS, OF_BRANDS = {"retailer", "manager"}, {"brand", "manufacturer", "price_class"}
KNOWLEDGE_WEEKS = 52


def rows(source: Source, what: str, *, by: Columns, period: str, weeks: int | None) -> pd.DataFrame:
    """The rows of one of the exports SCORED, its dimensions first."""
    if what == "retailer-knowledge":
        return retailer_knowledge(source, weeks)
    return accuracy(source, by, period, weeks) if what == "accuracy" else overrides(source, by, period)


def accuracy(source: Source, by: Columns, period: str, weeks: int | None) -> pd.DataFrame:
    """Forecast accuracy and bias by the dimensions `by`, ratios of sums over the weeks that have come by the run's; dimensions first.

    Brands and districts are judged by brand and week (and district), retailers by week over all brands; `horizon` is 1 for the week that
    the night was in. Raises TrueOrderError where a dimension is unknown, or of retailers and brands at once: that is not kept.
    """
    _check("accuracy", by, period)
    if OF_RETAILERS & set(by) and OF_BRANDS & set(by):
        raise TrueOrderError("accuracy is kept by brand and district, and by retailer, but not by retailer and brand at once: ask for one")
    return accuracy_of(source, by, period=period, weeks=weeks)


def accuracy_of(source: Source, by: Columns, *, period: str = "month", weeks: int | None = None, ahead: int = 1) -> pd.DataFrame:
    """The same of known dimensions, for horizons of at least `ahead` weeks and the last `weeks` that were judged."""
    table = record.RETAILERS if OF_RETAILERS & set(by) else record.DISTRICTS if "district" in by else record.BRANDS
    with source.db.reading() as reader:
        rows = forecasts.came_true(reader, table.name, before=week_of(source.run.business_date))
        of = _of_names(reader)
    if weeks is not None and len(rows):
        rows = rows[rows["week"] > rows["week"].max() - pd.Timedelta(weeks=weeks)]
    rows = rows.assign(horizon=(rows["week"] - rows["origin"]).dt.days // 7 + 1)
    rows = _described(rows[rows["horizon"] >= ahead], of).reset_index(drop=True)
    rows["absolute_error"] = metrics.forecast_errors(rows["forecast"], rows["actual"])["absolute_error"]
    return _summed(rows, by, period, SCORES[:3], SCORES[3:])


def _check(what: str, by: Columns, period: str) -> None:
    for name in by:
        if name not in DIMENSIONS[what]:
            raise TrueOrderError(f'{what}: there is no dimension "{name}"; there are {", ".join(DIMENSIONS[what])}')
    rate_cells.check_period(period)


def _of_names(reader: database.Reader) -> dict[str, pd.DataFrame]:
    return {name: database.read_table(reader, name) for name in ("retailers", "brands")}


def _described(rows: pd.DataFrame, of: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows with what their retailers and brands are, where they name any."""
    if "retailer_id" in rows:
        shown = ["district", "account_manager"]
        rows = rows.merge(of["retailers"][["retailer_id", *shown]], on="retailer_id", how="left", validate="m:1")
    if "brand_id" in rows:
        rows = rows.merge(of["brands"][["brand_id", "manufacturer", "price_class"]], on="brand_id", how="left", validate="m:1")
    return rows


def _summed(rows: pd.DataFrame, by: Columns, period: str, sums: Columns, rates: Columns) -> pd.DataFrame:
    """Sums and rates by the dimensions `by`, under the names of the command line."""
    columns = {**rate_cells.DIMENSIONS, "period": "period", "horizon": "horizon"}
    frame = rows.assign(period=rate_cells.periods(rows["week"], period) if len(rows) else pd.Series(dtype="str"))
    keyed = pd.concat([frame[[columns[name] for name in by]].set_axis(list(by), axis=1), frame[list(sums)]], axis=1)
    out = metrics.compute(keyed, rates, by, keep=sums)
    return out.astype({name: "int64" if name in ("price_class", "horizon") else "str" for name in by})


def retailer_knowledge(source: Source, weeks: int | None) -> pd.DataFrame:
    """How well each retailer knows its sales: requests against true demand over windows of four weeks, in all and in those of plenty.

    `weeks`: how many of the last are looked at; 52 unless given, in whole windows.
    """
    from forecasting import accuracy as known_by
    from forecasting import demand

    known, index = source.known(), source.result("brand_index")
    span = source.weeks(index, past=True, count=weeks or KNOWLEDGE_WEEKS)
    plenty = known_by.in_plenty(source.result("brand_demand"), pd.Index(known.brands["brand_id"]), span)
    parts = [known_by.knowledge(chunk, span, plenty) for chunk in demand.expand(known, source.pairs(known), index, span)]
    if not parts:
        return pd.DataFrame(columns=list(KNOWLEDGE))
    found = pd.concat(parts).groupby("retailer_id", observed=True, sort=True).sum().reset_index()
    for before in ("", "plenty_"):
        own = found[[f"{before}{name}" for name in known_by.KNOWLEDGE]].set_axis(list(known_by.KNOWLEDGE), axis=1)
        for rate in ("request_accuracy", "request_bias"):
            found[f"{before}{rate}"] = metrics.value(own, rate)
    return found.astype({"retailer_id": "str"})[list(KNOWLEDGE)]


def overrides(source: Source, by: Columns, period: str) -> pd.DataFrame:
    """What deciding otherwise than suggested brought, in cartons nearer to true demand, by the dimensions `by` (see accuracy.worth)."""
    from forecasting import accuracy as known_by
    from forecasting import demand

    _check("overrides", by, period)
    monday = frames.day(week_of(source.run.business_date))
    with source.db.reading() as reader:
        told, of = forecasts.read_decided(reader, before=monday.date()), _of_names(reader)
    if told.empty:
        return _summed(_described(told.assign(**dict.fromkeys(WORTH, 0.0)), of), by, period, WORTH, ())
    known, index = source.known(), source.result("brand_index")
    pairs = source.pairs(known).merge(_pairs(told, known), on=["retailer_id", "brand_id"], how="inner", validate="1:1")
    weeks = pd.date_range(told["week"].min(), told["week"].max(), freq="7D", unit="us")
    wanted = pd.concat([chunk[["retailer_id", "brand_id", "week", "demand"]] for chunk in demand.expand(known, pairs, index, weeks)])
    found = known_by.worth(told, wanted.astype({"retailer_id": "str", "brand_id": "str"}))
    return _summed(_described(found, of), by, period, WORTH, ())


def _pairs(rows: pd.DataFrame, known: frames.Snapshot) -> pd.DataFrame:
    retailer, brand = known.categories()
    return rows[["retailer_id", "brand_id"]].drop_duplicates().astype({"retailer_id": retailer, "brand_id": brand}).dropna()
