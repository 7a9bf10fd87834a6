"""Our brand forecasts beside each candidate alone: python -m benchmarks.forecasts FOLDER [--origins N --workers N --brands N].

FOLDER holds `lines.parquet` (date, item, bottles: deliveries of a wholesaler). Prints WAPE and bias by method and horizon.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from forecasting import backtest
from ordering import frames


def weekly(folder: Path) -> pd.DataFrame:
    """Bottles by item and week as a demand history. A week in which an item was not delivered is unknown."""
    lines = pd.read_parquet(folder / "lines.parquet", columns=["date", "item", "bottles"])
    day = pd.to_datetime(lines["date"]).astype("datetime64[us]")
    lines["week"] = day - pd.to_timedelta(day.dt.day_of_week, unit="D")
    sums = lines.astype({"bottles": "int64"}).groupby(["item", "week"], as_index=False)["bottles"].sum()
    return sums.rename(columns={"item": "brand_id", "bottles": "demand"}).astype({"brand_id": "str", "demand": "float64"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--origins", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--brands", type=int, help="only the first N items by id")
    chosen = parser.parse_args()
    history = weekly(chosen.folder)
    if chosen.brands:
        history = history[history["brand_id"].isin(sorted(history["brand_id"].unique())[: chosen.brands])]
    began = time.perf_counter()
    rolled = backtest.rolling(history, origins=chosen.origins, festivals=frames.empty(frames.FESTIVALS), workers=chosen.workers)
    table = backtest.table(rolled)
    pd.set_option("display.width", 200)
    print(table.loc["wape"].sort_values("average").round(4).to_string())
    print("\nbias\n" + table.loc["bias"].round(4).to_string())
    average = table.loc["wape", "average"]
    for rival in average.index.drop(backtest.OURS):
        print(f"combined / {rival}: {average[backtest.OURS] / average[rival]:.3f}")
    print(f"{rolled['brand_id'].nunique()} brands, {rolled['origin'].nunique()} origins, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
