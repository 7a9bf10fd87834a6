"""What one retailer asked and was given of one brand, week by week."""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from ordering import tables
from ordering.database import bulk

T = tables.order_lines


def read(reader: bulk.Reader, retailer_id: str, brand_id: str, first: date, last: date) -> pd.DataFrame:
    """Columns week, requested, allocated of the weeks `first` to `last` (Mondays) with lines; allocated is missing where all still wait."""
    import pyarrow as pa

    sums = [sa.func.sum(T.c[name]).label(name) for name in ("requested", "allocated")]
    mine = (T.c.retailer_id == retailer_id, T.c.brand_id == brand_id, T.c.week >= first, T.c.week <= last)
    query = sa.select(T.c.week, *sums).where(*mine).group_by(T.c.week)
    found = reader.fetch(query, {"week": pa.date32(), "requested": pa.int64(), "allocated": pa.int64()})
    rows = found.to_pandas(date_as_object=False).astype({"week": "datetime64[us]"})
    return rows.sort_values("week", ignore_index=True)
