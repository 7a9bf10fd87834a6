"""Chinese and English: catalogues of gettext beside the templates, and which of the two a reader wants."""

from __future__ import annotations

import gettext
import io
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias, cast

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import HTTPConnection, Request

from web import service

Language: TypeAlias = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
CATALOGUES = Path(__file__).parent / "locale"
COOKIE = "language"
"""Holds what a reader chose by hand; no secret."""


@lru_cache
def texts(language: Language) -> gettext.NullTranslations:
    """The texts of a language. Texts in the code are the English ones."""
    if language == "en":
        return gettext.NullTranslations()
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        write_mo(compiled := io.BytesIO(), read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def of(request: Request) -> Language:
    """The language of whoever reads the answer to a request."""
    return wanted(request, service.of(request).settings.web.language)


def wanted(request: HTTPConnection, default: str) -> Language:
    """What was chosen by hand; else the language whose weight is greater in what the browser asks for; else `default`."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    told = dict.fromkeys(LANGUAGES, 0.0)
    for tag, weight in re.findall(r"([A-Za-z]{2})[-\w]*\s*(?:;\s*q=([\d.]+))?", request.headers.get("accept-language", "")[:200]):
        if (known := tag.lower()) in LANGUAGES:
            told[known] = max(told[known], _weight(weight))
    return cast(Language, default) if told["en"] == told["zh"] else max(LANGUAGES, key=lambda name: told[name])


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
