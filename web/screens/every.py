"""All pages, for the application to take in."""

from __future__ import annotations

from web.screens import (
    administrators,
    brands,
    headquarters,
    login,
    managers,
    nights,
    privacy,
    retailers,
    review,
    strategy,
    user_tokens,
)  # fmt: skip

ROUTERS = (
    login.router, retailers.router, retailers.told, review.router, managers.router, headquarters.router, brands.router, nights.router,
    strategy.router, administrators.router, user_tokens.router, privacy.router,
)  # fmt: skip
