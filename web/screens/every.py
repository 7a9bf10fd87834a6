"""All pages, for the application to take in."""

from __future__ import annotations

from web.screens import administrators, brands, headquarters, login, managers, nights, retailers, review, shop, strategy, visits

ROUTERS = (
    login.router, retailers.router, retailers.told, review.router, managers.router, shop.router, visits.router, headquarters.router,
    brands.router, nights.router, strategy.router, administrators.router,
)  # fmt: skip
