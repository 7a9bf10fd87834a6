"""All pages, for the application to take in."""

from __future__ import annotations

from web.screens import administrators, brands, headquarters, login, managers, nights, rate_parts, retailers, review, strategy, what_if

ROUTERS = (
    login.router, retailers.router, retailers.told, review.router, managers.router, headquarters.router, brands.router, nights.router,
    strategy.router, rate_parts.router, what_if.router, administrators.router,
)  # fmt: skip
