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
)

PAGES = (
    administrators,
    brands,
    care,
    headquarters,
    printing,
    list_files,
    login,
    managers,
    nights,
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
)
"""What is printed comes before the lists as files, whose address would be that of rates.pdf too."""
ROUTERS = (*(page.router for page in PAGES), retailers.told)
