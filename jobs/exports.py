"""The exports of the data contract: stored states expanded into rows, in the contract's columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from jobs import measures, output
from ordering import database, frames, fulfilment, kept_cells, rate_cells, snapshot
from ordering.accounts import Territory
from ordering.database import cells as stored_cells
from ordering.database import runs as runlog
from ordering.errors import StateError, TrueOrderError
from ordering.frames import Snapshot
from ordering.settings import Settings

COLUMNS: Mapping[str, Sequence[str]] = {
    "demand": ("retailer_id", "brand_id", "week", "requested", "allocated", "demand", "p10", "p90"),
    "brand-demand": ("brand_id", "week", "requested", "allocated", "demand", "p10", "p90"),
    "forecast": ("retailer_id", "brand_id", "week", "demand", "p10", "p50", "p90"),
    "brand-forecast": ("brand_id", "week", "demand", "p10", "p50", "p90"),
    "inflated": ("order_id", "retailer_id", "brand_id", "order_date", "requested", "expected", "score", "flagged", "reason"),
    "suggestions": (
        "retailer_id", "brand_id", "week", "suggested", "requested", "p10", "p50", "p90", "stock", "reason", "decision", "decided_qty",
    ),
    "suggestion-inputs": (
        "retailer_id", "brand_id", "week", "order_day", "demand", "cover_weeks", "target", "since", "counted", "received", "on_hand",
        "need", "pack_multiple", "min_lot", "wanted", "given", "cap", "level_line", "quota_left", "shared_left", "suggested", "unmet",
        "reason",
    ),
    "substitutes": ("retailer_id", "brand_id", "week", "substitute_id", "rank", "quantity", "own_share", "peer_share"),
    "brand-dependence": (
        "retailer_id", "brand_id", "week", "share", "purchased", "hhi", "needed", "suggested", "english", "chinese",
    ),
    "allocation": (
        "order_id", "retailer_id", "brand_id", "week", "requested", "cap", "quota_left", "weight", "ticket", "level", "allocated",
        "reason", "policy",
    ),
    "fairness": ("week", "brand_id", "star_level", "lines", "requested", "usable", "allocated", "demand", "envy", "drought"),
    "price-of-fairness": ("week", "handed", "possible", "price"),
    "habits": (
        "retailer_id", "lines", "weeks", "flagged", "probable", "rate", "rate_low", "rate_high", "habit", "trend", "change", "change_low",
        "change_high", "shortage", "shortage_factor", "factor_low", "factor_high", "reason", "unknown", "echoes", "probes", "explained",
        "mistaken", "confirmed", "english", "chinese",
    ),
    "signals": (
        "retailer_id", "brand_id", "signal", "from_on", "to_on", "opening", "received", "closing", "scanned", "reported", "cartons",
        "p_value", "adjusted", "english", "chinese",
    ),
    "fulfilment": ("requested", "allocated", "demand", "fulfilment_rate", "demand_fulfilment_rate", "line_fill_rate"),
    "accuracy": ("forecast", "actual", "absolute_error", "forecast_accuracy", "forecast_bias"),
    "retailer-knowledge": (
        "retailer_id", "requested", "demand", "request_error", "request_accuracy", "request_bias", "plenty_requested", "plenty_demand",
        "plenty_request_error", "plenty_request_accuracy", "plenty_request_bias",
    ),
    "satisfaction": ("retailer_id", "period", "index", "answers", "requested", "suggested", "received"),
    "overrides": ("decisions", "overrides", "suggested", "decided", "demand", "error_suggested", "error_decided", "gain"),
}  # fmt: skip
"""WHAT of `trueorder export WHAT`, and its columns; those of BY_DIMENSION follow the dimensions asked for."""
BY_DIMENSION = ("fulfilment", "accuracy", "overrides")
SCORED = ("accuracy", "retailer-knowledge", "overrides")

PLAIN: Mapping[str, str] = {
    "brand-demand": "brand_demand",
    "brand-forecast": "brand_forecast",
    "inflated": "inflated",
    "suggestions": "suggestions",
    "suggestion-inputs": "suggestions",
    "substitutes": "substitutes",
    "brand-dependence": "dependence",
    "allocation": "allocation",
    "fairness": "fairness",
    "price-of-fairness": "week_totals",
    "habits": "habits",
    "signals": "signals",
}
"""Exports that are stored tables as they are."""


@dataclass(frozen=True)
class Source:
    """A run whose results are stored, and how to read what it read."""

    db: database.Database
    run: runlog.Record
    settings: Settings
    history: Path

    def result(self, name: str, **only: str) -> pd.DataFrame:
        """One result table of the run, or the rows in which the columns named by `only` have these values."""
        with self.db.reading() as reader:
            return runlog.read_result(reader, self.run.run_id, name, **only)

    def rows(self, name: str, **only: str) -> list[dict[str, Any]]:
        """The same where they are few, as of one retailer: rows as they are stored."""
        return runlog.rows(self.db, self.run.run_id, name, **only)

    def known(self) -> Snapshot:
        """What the run's night could know, as the database has it now."""
        return snapshot.read_week(
            self.db,
            self.run.business_date,
            weeks=self.settings.demand.weeks,
            horizon=self.settings.forecast.weeks,
            history_folder=self.history,
        )[0]

    def pairs(self, known: Snapshot) -> pd.DataFrame:
        """The run's pair estimates, ids as categories of `known`, sorted by them."""
        retailer, brand = known.categories()
        pairs = self.result("pair_estimates").astype({"retailer_id": retailer, "brand_id": brand})
        return pairs.dropna(subset=["retailer_id", "brand_id"]).sort_values(["retailer_id", "brand_id"], ignore_index=True)

    def weeks(self, index: pd.DataFrame, *, past: bool, count: int | None = None) -> pd.DatetimeIndex:
        """The weeks of an index before the run's business week, or from it on; the last or first `count` of them."""
        monday = frames.day(self.run.business_date - pd.Timedelta(days=self.run.business_date.weekday()))
        every = pd.DatetimeIndex(sorted(index["week"].unique())).as_unit("us")
        chosen = every[every < monday] if past else every[every >= monday]
        return chosen if count is None else (chosen[-count:] if past else chosen[:count])


def export(source: Source, what: str, file: Path, *, by: Sequence[str] = (), period: str = "month", weeks: int | None = None) -> int:
    """Write one export into `file`; gives the number of rows. `weeks` limits the demand exports and the scores, `by` and `period` shape
    those of BY_DIMENSION.

    Raises TrueOrderError where there is no such export, or a dimension or period is unknown.
    """
    if what not in COLUMNS:
        raise TrueOrderError(f'there is no export "{what}"; there are {", ".join(COLUMNS)}')
    if what in PLAIN:
        rows = source.result(PLAIN[what])
        if what == "brand-demand":  # the weeks of the demand export, so that the pairs there add up to the brands here
            rows = rows[rows["week"].isin(source.weeks(rows, past=True, count=weeks or DEMAND_WEEKS))]
        if what == "suggestion-inputs":
            rows = _with_derived(rows)
        if what == "price-of-fairness":
            rows = rows.assign(price=1.0 - rows["handed"] / rows["possible"].where(rows["possible"] > 0))
        if what == "suggestions":
            from jobs import reviewing

            rows = reviewing.with_decisions(source, rows)
        if what in WORDED:
            rows = pd.concat([rows, _sentences(what, rows)], axis=1)
        return output.write([rows], list(COLUMNS[what]), file)
    computed = _computed(source, what, by, period, weeks)
    if computed is not None:
        return output.write([computed], list(computed.columns), file)
    return output.write(_expanded(source, what, weeks), list(COLUMNS[what]), file)


def _computed(source: Source, what: str, by: Sequence[str], period: str, weeks: int | None) -> pd.DataFrame | None:
    """The rows of an export that is computed whole; None: of any other."""
    from jobs import satisfaction, scoreboard

    if what == "fulfilment":
        return rates(source, by, period)
    if what == "satisfaction":
        return satisfaction.rows(source.db, source.settings.satisfaction, period=period, today=source.run.business_date)
    return scoreboard.rows(source, what, by=by, period=period, weeks=weeks) if what in SCORED else None


WORDED = ("habits", "signals", "brand-dependence")
"""Exports that say in both languages what their figures mean."""


def _sentences(what: str, rows: pd.DataFrame) -> pd.DataFrame:
    from forecasting import resale
    from jobs import advising, conduct_words

    told = {"habits": conduct_words.habits, "signals": resale.words, "brand-dependence": advising.sentences}
    return told[what](rows)


def _with_derived(rows: pd.DataFrame) -> pd.DataFrame:
    """Suggestions and what follows from what is stored with them."""
    from allocation import suggest

    return pd.concat([rows, suggest.derived(rows)], axis=1)


def _expanded(source: Source, what: str, weeks: int | None) -> Iterable[pd.DataFrame]:
    """Pair-weeks of the past (demand) or the future (forecast), a chunk at a time, with their quantiles."""
    from forecasting import demand

    known, index = source.known(), source.result("brand_index")
    pairs = source.pairs(known)
    past = what == "demand"
    span = source.weeks(index, past=past, count=weeks or (DEMAND_WEEKS if past else None))
    at = (0.1, 0.9) if past else (0.1, 0.5, 0.9)
    for chunk in demand.expand(known, pairs, index, span):
        yield measures.with_quantiles(chunk, pairs, at)


DEMAND_WEEKS = 104
"""Weeks of the demand export unless told otherwise."""


def rates(source: Source, by: Sequence[str], period: str) -> pd.DataFrame:
    """The fulfilment export: rates by any of the contract's dimensions, ratios of sums; dimensions first."""
    for name in by:
        if name not in rate_cells.DIMENSIONS and name != "period":
            raise TrueOrderError(f'there is no dimension "{name}"; there are {", ".join([*rate_cells.DIMENSIONS, "period"])}')
    rate_cells.check_period(period)
    with source.db.reading() as reader:
        of_names = {name: database.read_table(reader, name) for name in ("retailers", "brands")}
    table = kept_cells.stored_in(by)
    cells = pair_cells(source, by, period) if table is None else source.result(table)
    of = rate_cells.Attributes(of_names["retailers"], of_names["brands"], pd.Index([]), NO_LEVELS)
    return fulfilment.rates(cells, by, period, of)


def rates_within(source: Source, by: Sequence[str], period: str, territory: Territory) -> pd.DataFrame:
    """The same of a territory alone. Raises TrueOrderError where no stored cells tell the territory together with the dimensions."""
    rate_cells.check_period(period)
    table = kept_cells.stored_in([*by, *territory])
    if table is None:
        raise TrueOrderError(
            f"by: rates by {', '.join(by)} are kept for whole districts, not for an account manager; ask for retailer, star or district",
            "by：按品规、厂家、价类的满足率只按片区汇总，不按客户经理汇总；请按零售户、档位或片区查询",
        )
    keys = [name for name in by if name != "period"]
    with source.db.reading() as reader:
        cells = stored_cells.summed(reader, source.run.run_id, table, keys, territory=territory, weekly=True)
    return fulfilment.rates(cells, by, period)


NO_LEVELS = frames.empty(frames.STAR_LEVELS)[["star_level"]].to_numpy("int32")
"""Stored cells carry the star level themselves."""


def pair_cells(source: Source, by: Sequence[str], period: str) -> pd.DataFrame:
    """Cells by dimensions of both retailer and brand, which only pair-weeks can give."""
    known, index = source.known(), source.result("brand_index")
    weeks = source.weeks(index, past=True)
    of = rate_cells.attributes(known, weeks)
    chunks = measures.measured(known, source.pairs(known), index, source.result("inflated"), weeks)
    return rate_cells.gather(rate_cells.additive(chunk, of, by, period=period) for chunk in chunks)


def source(db: database.Database, settings: Settings, history: Path, run_id: int | None = None) -> Source:
    """The newest run whose results are stored, or the one named. Raises StateError where there is none."""
    run = runlog.newest(db) if run_id is None else runlog.by_id(db, run_id)
    if run is None:
        none = ("no night is stored yet; run: trueorder nightly", "尚无夜间运行结果；请先运行夜间任务")
        raise StateError(*(none if run_id is None else (f"there is no run {run_id}", f"没有作业{run_id}")))
    if not run.detailed:
        raise StateError(
            f"run {run_id} no longer holds its results; run: trueorder nightly --date {run.business_date}", f"作业{run_id}的结果已不再保存"
        )
    return Source(db, run, settings, history)
