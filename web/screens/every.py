"""All pages, for the application to take in."""

from __future__ import annotations

from web.screens import administrators, brands, care, headquarters, login, managers, nights, retailers, review, satisfaction, strategy

ROUTERS = (
    login.router, retailers.router, retailers.told, review.router, managers.router, headquarters.router, brands.router, nights.router,
    strategy.router, administrators.router, care.router, satisfaction.router,
)  # fmt: skip
