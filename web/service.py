"""What every request may need, opened once per process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.requests import Request

from jobs import exports
from ordering.database import Database
from ordering.settings import Settings
from ordering.settings_sources import Setting
from web.desk import Desk


@dataclass(frozen=True)
class Service:
    """The database, the settings, where the history lies, the clock (UTC), the ordering desk, and the settings each with its source."""

    db: Database
    settings: Settings
    history: Path
    clock: Callable[[], datetime]
    desk: Desk
    sources: Sequence[Setting] = ()

    def source(self, run_id: int | None = None) -> exports.Source:
        """The newest night, or the run named. Raises StateError where there is none whose results are stored."""
        return exports.source(self.db, self.settings, self.history, run_id)

    @property
    def today(self) -> date:
        """The local date."""
        return self.clock().replace(tzinfo=UTC).astimezone(ZoneInfo(self.settings.city.time_zone)).date()


def of(request: Request) -> Service:
    """The service that answers a request."""
    found: Service = request.app.state.service
    return found


async def here(request: Request) -> Service:
    """The same as a dependency; async, for a plain one would be sent to a thread."""
    return of(request)


Here = Annotated[Service, Depends(here)]
