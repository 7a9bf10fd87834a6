"""S6 and S7: payloads in every parameter of every page and of the API; names and paths that lead out, in files that come in and go out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fastapi import UploadFile
from fastapi.routing import iter_route_contexts

from ordering.accounts import MAY, Role
from tests.security.ground import Ground
from tests.web import test_payloads as payloads
from tests.web.conftest import bearer
from tests.web.test_authorisation import FILLED, PUBLIC, Tried, one_of, routes
from tests.web.test_contract import breaches
from web.screens.review_files import FIELD, UPLOADS

EXAMPLES = 50
"""Random requests to each route of the API, by each role."""


def s6(ground: Ground) -> Tried:
    """SQL, HTML, templates, NUL and length in every parameter of every page; then random requests to the API, by its own description."""
    yield from payloads.holes(ground.house, ground.client, ground.people())
    for who in (ground.house.own, "manager", "headquarters", "administrator", "service", None):
        found = breaches(ground.house, who, ground.number(EXAMPLES))
        ground.figures["requests of schemathesis to a route"] = ground.number(EXAMPLES)
        for one in found or [""]:
            yield f"schemathesis as {who}", one


# names and paths

SECRET = "a secret beside the service"
OUT = (
    "../beside.txt", "..%2fbeside.txt", "..%252fbeside.txt", "....//beside.txt", "..\\beside.txt", "/etc/passwd", "%2fetc%2fpasswd",
    "file:///etc/passwd", "..%c0%afbeside.txt", "../../../../../../etc/passwd", "beside.txt%00.csv", "C:\\windows\\win.ini", "~/.bashrc",
    "\u2025/beside.txt", "．．／beside.txt", "con", "a" * 300, "x\r\nSet-Cookie: a=b", "\u202etxt.exe", ".", "..", "", " ",
)  # fmt: skip
"""What leads out of a folder, on some system or after some decoding."""
HARMLESS = "beside.txt"
"""The only file that a name of an upload may lead to: a route that falls for it writes there, and the trials may run as root."""


def upload_names(ground: Ground) -> list[str]:
    """The same of names of files that are sent: none of them leads to a file of the system, or of anybody."""
    tame = [name for name in OUT if "etc" not in name and "~" not in name and "windows" not in name]
    return [*tame, str(ground.folder / HARMLESS), f"file://{ground.folder / HARMLESS}", f"../../{HARMLESS}", f"C:\\{HARMLESS}"]


NEVER = ("root:x:", SECRET, "[fonts]")


def s7(ground: Ground) -> Tried:
    """Paths out of the files of the pages; in every parameter of what gives files out; and in the names of files that are sent."""
    (ground.folder / "beside.txt").write_text(SECRET)
    for path in OUT:
        yield from _static(ground, path)
    yield from downloads(ground)
    yield from uploads(ground)
    ground.figures["routes that take files"] = taking = len(list(taking_files(ground)))
    yield "routes that take files", "" if taking >= len(UPLOADS) else "were not found, and not tried"


def _static(ground: Ground, path: str) -> Tried:
    for address in (f"/static/{path}", f"/static/vendor/{path}", f"/{path}"):
        clean = re.sub(r"[\r\n]", "", address)
        answer = ground.client.get(clean, follow_redirects=False)
        yield f"GET {address[:60]!r}", harm(answer)


def harm(answer: Any) -> str:
    """What an answer holds or says that it may not."""
    found = [never for never in NEVER if never in answer.text]
    name = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]*)", answer.headers.get("content-disposition", ""))
    told = unquote(name.group(1)) if name else ""
    found += [f"names the file {told!r}"] if re.search(r"[/\\\x00-\x1f\u202a-\u202e]", told) else []
    found += ["sets a cookie"] if "a=b" in answer.headers.get("set-cookie", "") else []
    return ", ".join(found + ([str(answer.status_code)] if answer.status_code >= 500 else []))


def downloads(ground: Ground) -> Tried:
    """Every parameter of every route that reads, by somebody who may."""
    for method, path, found in routes(ground.house.app):
        if method != "GET" or (method, path) in PUBLIC:
            continue
        who = _anyone(ground, found)
        named = [*re.findall(r"{(\w+)}", path), *_queries(ground, path)]
        for name in named:
            for payload in OUT[: ground.number(len(OUT))]:
                filled = {"retailer_id": ground.house.own, "chosen": "en"} | FILLED
                inside = "{" + name + "}" in path
                address = path.format(**filled | ({name: payload.replace("/", "%2f").replace("\r\n", "%0d%0a")} if inside else {}))
                params = {} if inside else {name: payload}
                answer = ground.client.get(address, params=params, headers=bearer(ground.house, who), follow_redirects=False)
                yield f"GET {path} {name}={payload[:30]!r}", harm(answer)


def _anyone(ground: Ground, found: list[Any]) -> str:
    return one_of(ground.house, next(role for role in Role if not found or found[0] is None or found[0] in MAY[role]))


def _queries(ground: Ground, path: str) -> list[str]:
    for route in iter_route_contexts(ground.house.app.routes):
        if route.path == path and "GET" in (route.methods or ()):
            return sorted(set(payloads.names(route.dependant, "query")))
    return []


def taking_files(ground: Ground) -> Iterator[tuple[str, str, list[Any], list[str]]]:
    """The routes that take files: method, template, permissions, the names of the files."""
    guards = {(method, path): found for method, path, found in routes(ground.house.app)}
    for route in iter_route_contexts(ground.house.app.routes):
        dependant = getattr(route, "dependant", None)
        taken = [one.alias for one in dependant.body_params if _is_file(one.field_info.annotation)] if dependant is not None else []
        taken += [FIELD] if route.path in UPLOADS and "POST" in (route.methods or ()) else []
        for method in route.methods or () if taken else ():
            yield method, str(route.path), guards[method, str(route.path)], taken


def _is_file(kind: Any) -> bool:
    return (isinstance(kind, type) and issubclass(kind, UploadFile)) or "UploadFile" in str(kind)


def uploads(ground: Ground) -> Tried:
    """Every route that takes files, with names that lead out: nothing lies anywhere that did not lie there before."""
    for method, path, found, taken in taking_files(ground):
        who = _anyone(ground, found)
        for payload in upload_names(ground):
            before = _files(ground)
            sent = dict.fromkeys(taken, (payload or "x", b"retailer_id\nR1\n", "text/csv"))
            address = path.format(retailer_id=ground.house.own, **FILLED)
            answer = ground.client.request(method, address, files=sent, headers=bearer(ground.house, who), follow_redirects=False)
            fresh = sorted(str(file) for file, _ in _files(ground) - before)
            yield f"{method} {path} {payload[:30]!r}", harm(answer) or (f"left {fresh[0]}" if fresh else "")


def _files(ground: Ground) -> set[tuple[Path, int]]:
    """Every file in the neighbourhood, with the time it was written: in the trial's folder, above it, and in the working directory."""
    near = [file for place in (ground.folder.parent, Path.cwd()) for file in place.glob("*")]
    every = [*near, *(file for file in ground.folder.rglob("*") if ".db" not in file.name)]
    return {(file, file.stat().st_mtime_ns) for file in every if file.is_file()}
