"""What stands beside the suggestions of a night: brands to offer for those that cannot be had, and retailers that hang on a short brand.

`results` lists these tables with the others of their kind.
"""

from __future__ import annotations

from ordering.columns import Column, Kind, Table

_MOST = 2_000_000_000

SUBSTITUTES = Table(
    "substitutes",
    (
        Column("retailer_id", Kind.ID),
        Column("brand_id", Kind.ID),  # the brand of which the retailer needs more than it can have
        Column("week", Kind.WEEK),
        Column("substitute_id", Kind.ID),
        Column("rank", Kind.COUNT, low=1, high=_MOST),
        Column("quantity", Kind.COUNT, low=1, high=_MOST),
        Column("own_share", Kind.NUMBER, low=0, high=1),  # of the substitute in the retailer's demand of the price class
        Column("peer_share", Kind.NUMBER, low=0, high=1),  # the same of its peers
    ),
    ("retailer_id", "brand_id", "week", "substitute_id"),
)
"""What to offer instead: never more in total than the need that the suggestion leaves unmet."""

DEPENDENCE = Table(
    "dependence",
    (
        Column("retailer_id", Kind.ID),
        Column("brand_id", Kind.ID),  # the brand it sells most of, which is short
        Column("week", Kind.WEEK),
        Column("share", Kind.NUMBER, low=0, high=1),  # of the brand in the retailer's estimated demand
        Column("purchased", Kind.NUMBER, blank=True, low=0, high=1),  # the same of what it received lately; missing where that is nothing
        Column("hhi", Kind.NUMBER, low=0, high=1),  # sum of the squared shares of all its brands in its estimated demand
        Column("needed", Kind.COUNT, low=0, high=_MOST),
        Column("suggested", Kind.COUNT, low=0, high=_MOST),
    ),
    ("retailer_id",),
)
"""Retailers for whom one short brand is more of their business than is good for them."""
