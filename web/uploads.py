"""A form with a file, read in the thread of its request from the body that the request holds already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from web import nul, threads
from web.problems import ProblemError

FIELDS = 8
LONGEST = 4096
NO_FORM = ("send a form with one file in it (multipart/form-data)", "请以表单方式（multipart/form-data）上传一个文件")


@dataclass(frozen=True)
class Uploaded:
    """What a form held: the file with the name it was sent by, which is no path, and the other fields."""

    name: str
    data: bytes
    fields: Mapping[str, str]


def uploaded(request: Request, field: str, most: int) -> Uploaded:
    """The form of a request, with its file in `field`; `most`: bytes that a request may have, all of them held in memory.

    Raises ProblemError where there is no such form, or more than one file or a few short fields in it.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ProblemError("INVALID", NO_FORM)
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=FIELDS, max_part_size=LONGEST)
    parser.spool_max_size = most + 1  # rolled to a disk it would be waited for
    try:
        form = threads.at_once(parser.parse())
    except MultiPartException as error:
        raise ProblemError("INVALID", NO_FORM) from error
    file = form.get(field)
    if not isinstance(file, UploadFile):
        raise ProblemError("INVALID", NO_FORM)
    with file.file as held:
        data = held.read()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    nul.refuse(nul.BODY, *fields.values())
    return Uploaded(file.filename or "", data, fields)
