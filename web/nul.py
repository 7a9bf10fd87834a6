"""No NUL character in what is sent: PostgreSQL stores none, and what one database takes and the other does not is taken by neither."""

from __future__ import annotations

import re

from starlette.requests import Request

from web.problems import ProblemError

ADDRESS = ("the address holds a NUL character", "地址含有 NUL 字符")
BODY = ("the request holds a NUL character; leave it out", "请求内容含有 NUL 字符，请去掉后重试")
FORM, FILES = "application/x-www-form-urlencoded", "multipart/form-data"
IN_FORM = re.compile(rb"\0|%00")
IN_JSON = re.compile(rb"\0|(?<!\\)(?:\\\\)*\\u0000")
"""An escaped one has an odd number of backslashes; an even number is a text that tells of one."""


def refuse(told: tuple[str, str], *texts: str) -> None:
    """Raise ProblemError, with these words, where a text holds one."""
    if any("\0" in text for text in texts):
        raise ProblemError("INVALID", told)


def refuse_body(request: Request, body: bytes) -> None:
    """Raise ProblemError where what is sent holds one. Files may; who reads them looks at the fields beside."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith(FILES) and (IN_FORM if kind.startswith(FORM) else IN_JSON).search(body):
        raise ProblemError("INVALID", BODY)
