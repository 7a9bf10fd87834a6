"""The service with one route more: the floor, one `SELECT 1` through the same server, threads and pool."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import FastAPI

from web.app import create as service
from web.service import Here


def create() -> FastAPI:
    """For uvicorn: `benchmarks.desk_server:create --factory`."""
    app = service()

    @app.get("/floor")
    def floor(own: Here) -> dict[str, int]:
        return {"one": int(own.db.rows(sa.select(sa.literal(1).label("one")))[0]["one"])}

    return app
