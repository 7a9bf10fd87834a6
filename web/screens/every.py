"""All pages, for the application to take in."""

from __future__ import annotations

from web.screens import (
    administrators,
    brands,
    care,
    headquarters,
    list_files,
    login,
    managers,
    nights,
    printing,
    privacy,
    rate_parts,
    retailers,
    review,
    review_files,
    satisfaction,
    shop,
    shop_sheet,
    strategy,
    user_tokens,
    visits,
    what_if,
)  # fmt: skip

ROUTERS = (
    printing.router, retailers.told, administrators.router, brands.router, care.router, headquarters.router, list_files.router,
    login.router, managers.router, nights.router, privacy.router, rate_parts.router, retailers.router, review.router,
    review_files.router, satisfaction.router, shop.router, shop_sheet.router, strategy.router, user_tokens.router, visits.router,
    what_if.router,
)  # fmt: skip
"""What is printed comes first: the address of lists as files, rates.{kind}, would take that of rates.pdf too."""
