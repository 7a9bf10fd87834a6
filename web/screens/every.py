"""All pages, for the application to take in."""

from __future__ import annotations

from web.screens import administrators, brands, headquarters, login, managers, nights, printing, retailers, review, shop_sheet, strategy

ROUTERS = (
    login.router, retailers.router, retailers.told, review.router, managers.router, headquarters.router, brands.router, nights.router,
    strategy.router, administrators.router, printing.router, shop_sheet.router,
)  # fmt: skip
