"""Secrets out of texts: passwords in addresses and connection strings, tokens in headers and queries, and values known to be secret."""

from __future__ import annotations

import json
import re
from functools import lru_cache

MASK = "***"
_WORDS = (
    "password", "passwd", "pwd", "secret", "token", "apikey", "api_key", "accesskey", "access_key", "session", "cookie", "authorization",
    "csrf",
)  # fmt: skip
_NAMES = f"(?:{'|'.join(_WORDS)})"
_MARKS = (*_WORDS, "://", "bearer ", "basic ")
"""What every text has in which a pattern could find anything: to look for these first takes a tenth of the time."""
_PATTERNS = (  # each looks a bounded way on from a fixed word, so that no text makes them slow
    (re.compile(r"(://[^/@\s:\"']{0,200}:)[^/\s\"']{0,500}(@)"), rf"\1{MASK}\2"),
    (re.compile(r"\b(Bearer|Basic) {1,4}[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(rf"({_NAMES}\w{{0,20}})( ?[=:] ?)(?:\"[^\"]*\"|'[^']*'|[^\s&,;\"'}}]+)", re.IGNORECASE), rf"\1\2{MASK}"),
    (re.compile(rf"({_NAMES}\w{{0,20}}[\"'] ?: ?)(?:\"[^\"]*\"|'[^']*'|[^\s,}}]+)", re.IGNORECASE), rf'\1"{MASK}"'),
)
_known: set[str] = set()
LEAST = 4
"""Shorter values are not looked for: they would blot out innocent words."""


def remember(secret: str) -> str:
    """Note a value that must never be shown, and give it back."""
    if len(secret) >= LEAST:
        _known.update((secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]))
    return secret


def masked(text: str) -> str:
    """`text` with *** in the place of every secret in it that can be told."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    folded = text.casefold()
    if any(mark in folded for mark in _MARKS):
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
    return text


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether what bears this name is a secret, or what a person wrote in confidence."""
    return bool(re.fullmatch(rf"(?:.*[-_])?{_NAMES}(?:s|_hash|_env)?|body|payload", name, re.IGNORECASE))
