"""Text as the printed font has it: which characters it lacks, how wide a text is, and where its lines may break."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

FONT = "NotoSansSC-printed.ttf"
MISSING = "〓"
"""Stands where the font lacks a character; the document tells which."""
POINT = 25.4 / 72
"""Millimetres of a point."""
WIDE = "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
PIECES = re.compile(rf" +|[{WIDE}]|[^ {WIDE}]+")
NEVER_FIRST = frozenset("，。、；：！？）》」』】〉〕”’…·％—%‰℃,.;:!?)]}")
NEVER_LAST = frozenset("（《「『【〈〔“‘([{￥¥$")


def font_file() -> Path:
    """Where the font lies."""
    return Path(str(files("jobs").joinpath("fonts", FONT)))


@cache
def widths() -> Mapping[str, float]:
    """How wide each character of the font is, in parts of its size."""
    from fontTools.ttLib import TTFont

    with TTFont(font_file(), lazy=True) as font:
        em, advance = font["head"].unitsPerEm, font["hmtx"].metrics
        return {chr(code): advance[glyph][0] / em for code, glyph in font.getBestCmap().items()}


def lacking(text: str) -> Counter[str]:
    """The characters of a text that the font lacks, with how often each occurs; empty where it has all."""
    known = widths()
    return Counter(letter for letter in _composed(text) if letter not in known and letter != "\n")


def printable(text: str) -> str:
    """The text in characters that the font has: MISSING stands for each that it lacks."""
    known = widths()
    return "".join(letter if letter in known or letter == "\n" else MISSING for letter in _composed(text))


def _composed(text: str) -> str:
    """Letters with their accents as one character, and tabs as blanks."""
    return unicodedata.normalize("NFC", text).replace("\t", " ").replace("\r\n", "\n")


def named(letters: Mapping[str, int]) -> str:
    """Characters by their code: U+20BB7 ×2."""
    return ", ".join(f"U+{ord(letter):04X} ×{count}" for letter, count in sorted(letters.items()))


def width(text: str, size: float) -> float:
    """How wide a printable text of one line is, in mm; `size` in points."""
    known = widths()
    return sum(known[letter] for letter in text) * size * POINT


def lines(text: str, size: float, room: float) -> list[str]:
    """A printable text in lines of at most `room` mm: broken at blanks and between Chinese characters, never before a closing or after an
    opening mark. A word that is wider than a line is cut."""
    return [line for paragraph in text.split("\n") for line in _broken(paragraph, size, room)]


def _broken(paragraph: str, size: float, room: float) -> Iterator[str]:
    if width(paragraph, size) <= room:
        yield paragraph
        return
    line, taken = "", 0.0
    for piece in _pieces(paragraph, size, room):
        wide = width(piece, size)
        if line.strip() and taken + wide > room:
            yield line.rstrip()
            line, taken = "", 0.0
        if line or piece.strip():
            line, taken = line + piece, taken + wide
    if line.strip():
        yield line.rstrip()


def _pieces(paragraph: str, size: float, room: float) -> Iterator[str]:
    """What is not broken within, each no wider than a line."""
    joined: list[str] = []
    for piece in PIECES.findall(paragraph):
        tied = joined and (piece[0] in NEVER_FIRST or joined[-1][-1] in NEVER_LAST)
        joined[-1:] = [joined[-1] + piece] if tied else [*joined[-1:], piece]
    for piece in joined:
        yield from [piece] if width(piece, size) <= room else piece
