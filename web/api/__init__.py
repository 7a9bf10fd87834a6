"""The JSON API, one module per audience."""

from fastapi import APIRouter

from web.threads import OneThread

API = "/api/v1"
"""What every address of it begins with."""


def router_of(tag: str, below: str = "") -> APIRouter:
    """The router of one audience; `below`: where its paths begin."""
    return APIRouter(prefix=API + below, tags=[tag], route_class=OneThread)
