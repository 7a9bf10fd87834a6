"""The guides and the program together: pages, pictures and texts that a guide names are there, in both languages alike."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from PIL import Image

from benchmarks.pictured_pages import PICTURES
from web.screens.every import ROUTERS

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "guide"
AUDIENCES = ("retailer", "account-manager", "headquarters", "administrator")
LANGUAGES = ("zh", "en")
EVERY = [(language, audience) for language in LANGUAGES for audience in AUDIENCES]
LARGEST = 90_000
"""Bytes of a picture; most have far fewer."""


def guide(language: str, audience: str) -> str:
    return (GUIDE / language / f"{audience}.md").read_text("utf-8")


def pictures(text: str) -> list[str]:
    """The pictures of a guide as it names them, in its order."""
    return re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)


def places(text: str) -> list[str]:
    """The addresses of pages that a guide names."""
    return re.findall(r"`(/[^`]*)`", text)


def quoted(text: str) -> list[str]:
    """What a guide says to stand on a page: buttons, links, fields, columns."""
    return re.findall(r"\*\*([^*]+)\*\*", text)


@cache
def routes() -> list[re.Pattern[str]]:
    """The addresses of all pages."""
    paths = [route.path for router in ROUTERS for route in router.routes if "GET" in route.methods]  # type: ignore[attr-defined]
    return [re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))) for path in paths]


def unknown_places(text: str) -> list[str]:
    return [place for place in places(text) if not any(route.fullmatch(place.partition("?")[0]) for route in routes())]


@cache
def texts(language: str) -> frozenset[str]:
    """What pages say in a language: the texts of the templates, and the names of rates."""
    with (ROOT / "web" / "locale" / "zh.po").open("rb") as file:
        found = [(message.id, message.string) for message in read_po(file) if message.id]
    own = [both[language == "zh"] for both in found]
    said = [text for one in own for text in ((one,) if isinstance(one, str) else one)]
    rates = tomllib.loads((ROOT / "config" / "metrics.toml").read_text("utf-8"))["metric"]
    said += [rate["chinese" if language == "zh" else "english"] for rate in rates]
    return frozenset(said)


def unsaid(text: str, language: str) -> list[str]:
    return [one for one in quoted(text) if one not in texts(language)]


@pytest.mark.parametrize(("language", "audience"), EVERY)
def test_every_page_that_a_guide_names_is_there(language: str, audience: str) -> None:
    found = guide(language, audience)
    assert places(found)
    assert unknown_places(found) == []


def test_every_picture_is_of_a_page_that_is_there() -> None:
    assert unknown_places(" ".join(f"`{one.path}`" for one in PICTURES)) == []
    assert len({one.name for one in PICTURES}) == len(PICTURES)


@pytest.mark.parametrize(("language", "audience"), EVERY)
def test_everything_that_a_guide_quotes_stands_on_a_page_in_its_language(language: str, audience: str) -> None:
    found = guide(language, audience)
    assert len(quoted(found)) > 20
    assert unsaid(found, language) == []


def test_a_wrong_page_and_a_wrong_button_would_be_found() -> None:
    """Negative controls: an address without a route, the other language's button, a button that was called otherwise."""
    assert unknown_places("`/retailers/1/order` `/retailers/1/orderz` `/user?name=x` `/reviews`") == ["/retailers/1/orderz", "/reviews"]
    assert unsaid("**退出** **Log out** **登出**", "zh") == ["Log out", "登出"]
    assert unsaid("**退出** **Log out** **Sign out**", "en") == ["退出", "Sign out"]


@pytest.mark.parametrize("audience", AUDIENCES)
def test_both_languages_have_the_same_headings_pictures_tables_links_and_pages(audience: str) -> None:
    chinese, english = (guide(language, audience) for language in LANGUAGES)
    shapes = [
        (
            [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)],
            [Path(name).name for name in pictures(text)],
            [line.count("|") for line in text.splitlines() if line.startswith("|")],
            [re.match(r"\d+\.|-", line)[0] for line in text.splitlines() if re.match(r"(\d+\.|-) ", line)],  # type: ignore[index]
            sorted(re.findall(r"\]\(\.\./\.\./([^)]+)\)", text)),
            [re.sub(r"/(许可证号|licence)", "/{}", place).partition("?")[0] for place in places(text)],
            re.findall(r"<kbd>.*?</kbd>", text.replace("空格", "Space")),
        )
        for text in (chinese, english)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_is_shown_and_every_picture_shown_is_taken(language: str) -> None:
    folder = GUIDE / "pictures" / language
    shown = {name for audience in AUDIENCES for name in pictures(guide(language, audience))}
    assert {Path(name).parent.as_posix() for name in shown} == {f"../pictures/{language}"}
    taken = {f"{one.name}{suffix}.png" for one in PICTURES for suffix in (("", "-phone") if one.phone else ("",))}
    assert {Path(name).name for name in shown} == {file.name for file in folder.iterdir()} == taken


@pytest.mark.parametrize("language", LANGUAGES)
def test_pictures_have_the_size_of_a_screen_or_a_phone_and_weigh_little(language: str) -> None:
    for file in sorted((GUIDE / "pictures" / language).iterdir()):
        held = file.read_bytes()
        assert Image.open(BytesIO(held)).size == ((390, 844) if "-phone" in file.name else (1366, 768)), file.name
        assert len(held) <= LARGEST, file.name


@pytest.mark.parametrize(("language", "audience"), EVERY)
def test_a_guide_leads_to_the_others_and_to_the_other_language(language: str, audience: str) -> None:
    top = guide(language, audience).split("\n## ")[0]
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    assert re.findall(r"\]\(([^)]+\.md)\)", top)[:4] == [f"{one}.md" for one in AUDIENCES if one != audience] + [
        f"../{other}/{audience}.md"
    ]
    assert "glossary.md" in guide(language, audience)
