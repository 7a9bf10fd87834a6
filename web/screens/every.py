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
    retailers,
    review,
    review_files,
    satisfaction,
    shop,
    shop_sheet,
    strategy,
    visits,
)

PAGES = (
    administrators,
    brands,
    care,
    headquarters,
    list_files,
    login,
    managers,
    nights,
    printing,
    retailers,
    review,
    review_files,
    satisfaction,
    shop,
    shop_sheet,
    strategy,
    visits,
)
ROUTERS = (*(page.router for page in PAGES), retailers.told)
