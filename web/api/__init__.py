"""The JSON API, one module per audience."""

from fastapi import APIRouter

from web.threads import AtTheDesk, OneThread

API = "/api/v1"
"""What every address of it begins with."""


def router_of(tag: str, below: str = "", *, desk: bool = False) -> APIRouter:
    """The router of one audience; `below`: where its paths begin; `desk`: its requests wait for no others than those of the desk."""
    return APIRouter(prefix=API + below, tags=[tag], route_class=AtTheDesk if desk else OneThread)
