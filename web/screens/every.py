"""All pages, for the application to take in."""

from __future__ import annotations

from web.screens import administrators, brands, headquarters, list_files, login, managers, nights, retailers, review, review_files, strategy

ROUTERS = (
    login.router, retailers.router, retailers.told, review.router, managers.router, headquarters.router, brands.router, nights.router,
    strategy.router, administrators.router, list_files.router, review_files.router,
)  # fmt: skip
