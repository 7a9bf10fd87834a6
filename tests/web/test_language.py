"""Chinese and English: every text of the pages has both, and a reader gets the one that it wants."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from starlette.requests import Request

from ordering import errors
from web import language

WEB = Path(language.__file__).parent
ORDERING = Path(errors.__file__).parent
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "mark": None}
HELD = re.compile(r"%\((\w+)\)s")
SAYS_ITSELF = {"TrueOrder", "import hashlib", "中文", "English"}
"""Texts of templates that are the same in both languages."""


def catalogue() -> Catalog:
    with (language.CATALOGUES / "zh.po").open("rb") as file:
        return read_po(file, locale="zh")


def in_pages() -> set[object]:
    """The texts of the pages, as they stand in the catalogue."""
    found = extract_from_dir(WEB, METHODS, {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}, KEYWORDS)
    return {text for _, _, text, *_ in found}


def wrong(catalogue: Catalog, pages: set[object]) -> list[object]:
    """Texts without Chinese words, words without a text, and those that hold other values than the English ones."""
    known = {message.id: message for message in catalogue if message.id}
    missing = [text for text in pages if text not in known]
    idle = [text for text in known if text not in pages]
    return missing + idle + [message.id for message in known.values() if not _fits(message)]


def _fits(message: Message) -> bool:
    said = message.string if isinstance(message.string, tuple) else (message.string,)
    asked = message.id if isinstance(message.id, tuple) else (message.id,)
    return all(said) and {name for text in said for name in HELD.findall(text)} == set(HELD.findall(asked[-1])) and not message.fuzzy


def test_every_text_of_the_pages_has_chinese_words() -> None:
    assert wrong(catalogue(), in_pages()) == []


@pytest.mark.parametrize("way", ["missing", "idle", "empty", "other values"])
def test_a_text_without_fitting_words_is_found(way: str) -> None:
    """Negative control."""
    found, pages = catalogue(), in_pages()
    if way == "missing":
        pages |= {"A new text"}
    elif way == "idle":
        found.add("Nobody says this", "没有人这样说")
    elif way == "empty":
        found.add("Brand", "")
        found["Brand"].string = ""
    else:
        found["week of %(week)s"].string = "%(day)s当周"
    assert len(wrong(found, pages)) == 1


def untranslated(template: str) -> list[str]:
    """Texts of a template that no language is asked for."""
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL)
    said = re.findall(r'(?:title|placeholder|aria-label|alt)="([^"]+)"', plain) + re.sub(r"<[^>]*>", "\n", plain).splitlines()
    return [
        text.strip()
        for text in said
        if re.search(r"[A-Za-z一-鿿]{2}", text) and text.strip() not in SAYS_ITSELF and "语言 Language" not in text
    ]


def test_templates_hold_no_text_of_one_language() -> None:
    assert {path.name: found for path in WEB.glob("templates/**/*.html") if (found := untranslated(path.read_text("utf-8")))} == {}


def test_a_text_of_one_language_is_found() -> None:
    assert untranslated('<p title="Look">{{ _("Order") }} now</p><i>{{ page.name }}</i>') == ["Look", "now"]


def request(headers: dict[str, str]) -> Request:
    return Request({"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]})


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, "zh"),
        ({"accept-language": "en-GB"}, "en"),
        ({"accept-language": "en;q=0.5, zh-CN;q=0.9"}, "zh"),
        ({"accept-language": "en", "cookie": "language=zh"}, "zh"),
        ({"accept-language": "de", "cookie": "language=xx"}, "zh"),
    ],
)
def test_what_was_chosen_comes_before_what_the_browser_asks_for(headers: dict[str, str], found: str) -> None:
    assert language.wanted(request(headers), "zh") == found


# what the cores refuse

MET = (
    *("accounts", "answers", "counts", "passwords", "satisfaction", "visits"),
    *(f"database/{name}" for name in ("answers", "complaints", "counts", "ledger", "surveys", "tokens", "users", "visits")),
)
"""Modules of ordering whose refusals people meet on pages."""
OF_SETTINGS = "weights: "
"""Begins what only who writes the settings is told."""


def in_english_alone(source: str) -> list[str]:
    """The refusals that have no Chinese words."""
    raised = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)]
    refusals = [one for one in raised if one.func.id in ("TrueOrderError", "StateError") and len(one.args) == 1]  # type: ignore[attr-defined]
    told = [ast.unparse(one.args[0]) for one in refusals if not isinstance(one.args[0], ast.Starred)]
    return [text for text in told if OF_SETTINGS not in text]


@pytest.mark.parametrize("name", MET)
def test_what_the_cores_refuse_on_pages_has_chinese_words(name: str) -> None:
    assert in_english_alone((ORDERING / f"{name}.py").read_text("utf-8")) == []


def test_a_refusal_of_one_language_is_found() -> None:
    assert in_english_alone('raise StateError(f"no run {x}")') == ["f'no run {x}'"]
    assert in_english_alone('raise StateError("no run", "没有作业")') == []
