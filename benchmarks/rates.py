"""How long headquarters' page of rates takes to find its figures in a city of 40,000 retailers with two years of stored cells.

    python -m benchmarks.rates [--retailers 40000] [--brands 200] [--weeks 104]

Made-up cells are written into SQLite in a temporary folder, as a night stores them; then each view is asked for twice, and both times are
printed. The bound is 3 seconds (shared/screens.md: an aggregate over 200 million lines).
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import sqlalchemy as sa

from jobs import breakdown
from jobs.breakdown import Asked
from jobs.exports import Source
from ordering import database, kept_cells, settings, tables
from ordering.database import runs as runlog
from ordering.rate_cells import MEASURES

LAST = date(2026, 8, 31)
BOUND = 3.0
VIEWS: dict[str, Asked] = {
    "by district, a month": Asked("district"),
    "by brand, a quarter": Asked("brand", "quarter"),
    "by manufacturer, a year": Asked("manufacturer", "year"),
    "by price class, a week": Asked("price_class", "week"),
    "by level, a month": Asked("star"),
    "by manager, a month": Asked("manager"),
    "by retailer, a month": Asked("retailer"),
    "by manager, a year": Asked("manager", "year"),
    "by retailer, a year": Asked("retailer", "year"),
    "brands of a district": Asked("brand", within={"district": "D3"}),
    "districts of a brand": Asked("district", within={"brand": "B7"}),
    "retailers of a manager": Asked("retailer", within={"manager": "M5"}),
    "managers of a level": Asked("manager", within={"star": 4}),
    "a manager's own": Asked("star", territory={"manager": frozenset({"M5"})}),
    "a district's own": Asked("brand", territory={"district": frozenset({"D3"})}),
}
"""What the page is asked for."""


def made_measures(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """Measures of so many cells, none of them remarkable."""
    requested = rng.integers(50, 500, rows).astype(np.float64)
    share = {"requested": 1.0, "allocated": 0.6, "demand": 0.7, "met": 0.55, "demand_window": 0.75, "lines": 0.1, "lines_filled": 0.05}
    return {name: np.floor(requested * share.get(name, 0.05)) for name in MEASURES}


def fill(db: database.Database, retailers: int, brands: int, weeks: int) -> int:
    """A city with a night whose cells are made up; gives its run."""
    rng = np.random.default_rng(1)
    shops, wares = np.array([f"R{n:06d}" for n in range(retailers)]), np.array([f"B{n}" for n in range(brands)])
    at = datetime.combine(date(2026, 9, 7), time.min)
    with db.writing() as tx:
        tx.execute(tables.contract["retailers"].insert(), [_shop(str(name), n) for n, name in enumerate(shops)])
        tx.execute(tables.contract["brands"].insert(), [_ware(str(name), n) for n, name in enumerate(wares)])
    run_id = runlog.begin(db, job=runlog.NIGHT, business_date=date(2026, 9, 7), version="made", at=at)
    places = np.array([f"D{n}" for n in range(12)])
    of_district = {"brand_id": np.repeat(wares, len(places)), "district": np.tile(places, brands)}
    of_retailer = {"retailer_id": shops, "star_level": rng.integers(1, 31, retailers)}
    for name, ids in (("district_cells", of_district), ("retailer_cells", of_retailer)):
        rows = pd.DataFrame({"run_id": run_id, "week": LAST, **ids, **made_measures(rng, len(next(iter(ids.values()))))})
        with db.writing() as tx:
            tx.execute(tables.results[name].insert(), rows.to_dict("records"))
            repeat(tx, tables.results[name], run_id, weeks)
    sum_months(db, run_id)
    with db.writing() as tx:
        tx.execute(tables.runs.update().values(status=runlog.DONE, finished_at=at, detailed=True))
        tx.exec_driver_sql("ANALYZE")
    return run_id


def sum_months(db: database.Database, run_id: int) -> None:
    """The cells of retailers summed by month, as a night stores them too."""
    with db.reading() as reader:
        months = kept_cells.by_month(runlog.read_result(reader, run_id, "retailer_cells"))
    with db.writing() as tx:
        tx.execute(tables.results["retailer_months"].insert(), months.assign(run_id=run_id).to_dict("records"))


def repeat(tx: sa.Connection, table: sa.Table, run_id: int, weeks: int) -> None:
    """The cells of the last week in the weeks before it as well."""
    for back in range(1, weeks):
        values = [sa.literal(LAST - timedelta(weeks=back)) if c.name == "week" else c for c in table.c]
        tx.execute(
            table.insert().from_select([c.name for c in table.c], sa.select(*values).where(table.c.run_id == run_id, table.c.week == LAST))
        )


def _blank(table: str) -> dict[str, object]:
    """Values for every column of a table that must have one."""
    kinds = {"TEXT": "", "INTEGER": 1, "DATE": date(2020, 1, 6), "DOUBLE": 1.0, "BOOLEAN": True}
    return {c.name: kinds.get(str(c.type).split("(")[0], 1) for c in tables.contract[table].columns if not c.nullable}


def _shop(name: str, n: int) -> dict[str, object]:
    own = {"retailer_id": name, "name": name, "district": f"D{n % 12}", "account_manager": f"M{n % 150}", "star_level": 1 + n % 30}
    return _blank("retailers") | own


def _ware(name: str, n: int) -> dict[str, object]:
    return _blank("brands") | {"brand_id": name, "name": name, "manufacturer": f"F{n % 25}", "price_class": 1 + n % 5}


def measured(source: Source) -> list[float]:
    """Seconds of a first and a second look at each view, printed."""
    found = []
    for name, asked in VIEWS.items():
        told = ""
        for _ in range(2):
            begun = perf_counter()
            assert breakdown.breakdown(source, asked) is not None
            found.append(perf_counter() - begun)
            told += f" {found[-1]:>8.2f} s"
        print(f"{name:<26}{told}{f'  > {BOUND:g} s' if max(found[-2:]) > BOUND else ''}", flush=True)
    return found


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in (("retailers", 40_000), ("brands", 200), ("weeks", 104)):
        parser.add_argument(f"--{name}", type=int, default=count)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = database.connect(f"sqlite:///{Path(folder) / 'rates.db'}")
        database.migrate(db)
        begun = perf_counter()
        run_id = fill(db, told.retailers, told.brands, told.weeks)
        print(f"{told.retailers * told.weeks:,} cells of retailers, {told.brands * 12 * told.weeks:,} of districts, written in "
              f"{perf_counter() - begun:.0f} s", flush=True)  # fmt: skip
        run = runlog.by_id(db, run_id)
        assert run is not None
        found = measured(Source(db, run, settings.load(), Path(folder)))
        print(f"slowest {max(found):.2f} s; the bound is {BOUND:g} s")
        db.engine.dispose()


if __name__ == "__main__":
    main()
