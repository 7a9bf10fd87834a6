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

PAGES = (  # the first that fits an address answers: printing has /rates.pdf, list_files every other /rates.{kind}
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
ROUTERS = (*(page.router for page in PAGES), retailers.told)
