"""Printed pages: Chinese comes back as text, no character goes silently, tables go on over pages, and the same content gives the same
bytes."""

from __future__ import annotations

import hashlib
import logging
import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest
from babel.messages.pofile import read_po
from fontTools.ttLib import TTFont

from allocation import explain, suggest_words
from benchmarks.font import gb_2312
from jobs import exports, letter, letter_pdf, pdf, pdf_charts, pdf_text, report_words
from jobs.pdf import Column, Document
from jobs.report_words import cases, percent
from ordering import database, settings
from web import language

MADE = datetime(2026, 3, 2)
RARE = "\U00020bb7"
"""𠮷, which is in no list that the font was cut down to."""


def document(**more: object) -> Document:
    return Document("真实需求通报", dated=MADE, language="zh", **more)  # type: ignore[arg-type]


def texts(content: bytes) -> list[str]:
    """The text of each page, as a search finds it."""
    with pypdfium2.PdfDocument(content) as found:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in found]


def own_words() -> Iterator[str]:
    """Every text that the program itself may print."""
    for name in ("letter.toml", "words.toml"):
        listed = tomllib.loads(files("jobs").joinpath("templates", name).read_text("utf-8"))
        yield from (text for pair in listed.values() for text in pair)
    yield from (text for pair in report_words.words().values() for text in pair)
    with (language.CATALOGUES / "zh.po").open("rb") as file:
        yield from (str(text) for message in read_po(file) for text in (message.id, message.string))
    for pairs in (suggest_words.NEEDS, suggest_words.CUTS):
        yield from (text for pair in pairs.values() for text in pair)
    yield from (*pdf.LACKS.values(), pdf_text.MISSING, report_words.points(0.01), report_words.points(-0.01), report_words.points(0.0))
    yield from (text for words in (explain.NO_BOUND,) for text in words.values())


def test_the_font_has_every_character_that_is_printed_here() -> None:
    said = list(own_words())
    assert len(said) > 500
    assert {text: found for text in said if (found := pdf_text.lacking(text))} == {}


def test_the_font_has_the_characters_that_names_are_written_in() -> None:
    assert not pdf_text.lacking("".join(gb_2312()))
    assert not pdf_text.lacking("喆堃镕淼㛃䶮邨龍興號廣Àéü①㎡℃€～—…“”《》【】·")


def test_a_character_that_the_font_lacks_is_found() -> None:
    """Negative control."""
    assert pdf_text.lacking(f"老{RARE}记\u200b{RARE}") == {RARE: 2, "\u200b": 1}
    assert pdf_text.printable(f"老{RARE}记") == "老〓记"


def test_letters_with_accents_are_one_character() -> None:
    assert pdf_text.printable("cafe\u0301\tbar") == "café bar"


def test_what_the_font_lacks_is_shown_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    to = document()
    to.prose(f"老{RARE}记")
    to.table([Column("店")], [[f"{RARE}"]])
    (page,) = texts(to.done())
    assert "老〓记" in page
    assert "〓 代替字库中没有的字：U+20BB7 ×2" in page
    assert to.lacking == {RARE: 2}
    assert "U+20BB7" in caplog.text


def test_a_document_that_lacks_nothing_says_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (page,) = texts(document().done())
    assert "〓" not in page
    assert caplog.text == ""


def test_chinese_comes_back_as_text_and_the_same_content_is_the_same_bytes() -> None:
    def made() -> bytes:
        to = document(beside="示例市 2026-08", foot="依据运行 1")
        to.heading("建议订货")
        to.prose("有多确定：区间为 80%，即五次中约四次实际销售落在其中。")
        to.facts([("订单满足率", "55.4%"), ("档位", "3")])
        return to.done()

    first = made()
    assert first == made()
    (page,) = texts(first)
    for words in (
        "真实需求通报",
        "示例市 2026-08",
        "依据运行 1",
        "建议订货",
        "即五次中约四次实际销售落在其中。",
        "订单满足率",
        "55.4%",
        "1 / 1",
    ):
        assert words in page
    with pypdfium2.PdfDocument(first) as found:
        assert found.get_metadata_dict()["CreationDate"].startswith("D:20260302")
        assert found.get_metadata_dict()["Title"] == "真实需求通报"


def test_another_date_gives_other_bytes() -> None:
    assert document().done() != Document("真实需求通报", dated=datetime(2026, 3, 3), language="zh").done()


def test_a_table_goes_on_over_pages_with_its_head_and_loses_no_row() -> None:
    to = document(landscape=True)
    to.table([Column("零售户", 3), Column("要货量", figures=True)], [[f"店{n:03}", f"{n:,}"] for n in range(200)], total=["合计", "19,900"])
    pages = texts(to.done())
    assert len(pages) > 3
    assert all("零售户" in page and f"{number} / {len(pages)}" in page for number, page in enumerate(pages, start=1))
    assert re.findall(r"店(\d{3})", "".join(pages)) == [f"{n:03}" for n in range(200)]
    assert pages[-1].count("合计") == 1


def test_figures_end_at_one_edge() -> None:
    to = document()
    to.table([Column("店"), Column("量", figures=True)], [["甲", "1.5"], ["乙", "12,345.5"], ["丙", "−0.5"]])
    with pypdfium2.PdfDocument(to.done()) as found:
        page = found[0].get_textpage()
        text = page.get_text_range()
        ends = [round(page.get_charbox(match.end() - 1, loose=True)[2], 1) for match in re.finditer(r"[\d,]+\.5", text)]
    assert len(ends) == 3
    assert max(ends) - min(ends) < 0.2


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 2 cells in a table of 1 columns"):
        document().table([Column("店")], [["甲", "乙"]])


@pytest.mark.parametrize("room", [12.0, 25.0, 60.0])
def test_lines_are_as_wide_as_there_is_room_and_lose_nothing(room: float) -> None:
    said = "有多确定：区间为 80%（即五次中约四次），实际销售“落在其中”；see https://example.org/averyveryverylongword for more，完。"
    found = pdf_text.lines(said, 9.0, room)
    assert len(found) > 2
    assert all(pdf_text.width(line, 9.0) <= room + 1e-9 for line in found)
    assert "".join(found).replace(" ", "") == said.replace(" ", "")
    assert not any(line[0] in "，；：。）”、" for line in found)
    assert not any(line[-1] in "（“" for line in found)


def test_texts_that_end_with_a_new_line_keep_it() -> None:
    assert pdf_text.lines("甲\n乙", 9.0, 50.0) == ["甲", "乙"]


@pytest.mark.parametrize(("most", "step"), [(0.0, 1.0), (4.2, 2.0), (11.8, 5.0), (0.9, 0.5), (2300.0, 1000.0)])
def test_an_axis_has_round_ticks(most: float, step: float) -> None:
    assert pdf_charts.step_of(most) == pytest.approx(step)


def test_a_chart_leaves_room_for_what_follows_and_draws_what_is_known() -> None:
    to = document()
    before = to.y
    missing = float("nan")
    pdf_charts.bars(to, ["甲", "乙"], [pdf_charts.Series("需求", [1.0, missing], pdf.ACCENT, [0.5, missing], [2.0, missing])])
    pdf_charts.lines(to, ["一", "二", "三"], [pdf_charts.Series("要货", [1.0, missing, 2.0], pdf.SOFT, dash=1.0)])
    assert to.y > before + 100
    (page,) = texts(to.done())
    assert "需求" in page
    assert "要货" in page


def test_the_font_is_what_its_readme_says_small_and_free() -> None:
    readme = (pdf_text.font_file().parent / "README.md").read_text("utf-8")
    assert hashlib.sha256(pdf_text.font_file().read_bytes()).hexdigest() in readme
    assert pdf_text.font_file().stat().st_size < 5_000_000
    with TTFont(pdf_text.font_file()) as font:
        assert "Open Font License" in str(font["name"].getDebugName(13))
        assert not {"fpgm", "prep", "cvt ", "GSUB", "GPOS"} & set(font.keys())
    assert "SIL OPEN FONT LICENSE" in (pdf_text.font_file().parent / "NotoSansSC.LICENSE").read_text("utf-8").upper()


@pytest.fixture
def found(watched_city: database.Database, rules: settings.Settings, tmp_path: Path) -> letter.Letter:
    source = exports.source(watched_city, rules, tmp_path / "h")
    results = letter.read(source)
    name = str(results.brands["manufacturer"].iloc[0])
    one = letter.compose(source, results, name, "2026-08")
    assert one is not None
    return one


def test_the_printed_letter_has_the_figures_of_the_letter_in_both_languages(found: letter.Letter) -> None:
    content = letter_pdf.made(found)
    first, *others = texts(content)
    table = "\n".join(others)
    assert {f"致 {found.manufacturer}", f"To {found.manufacturer}"} <= set(first.splitlines())
    assert all(words in first for words in ("需求如何得出", "How demand was found", cases(found.total["demand"])))
    for row in found.brands.to_dict("records"):
        shown = [row["brand"], row["name"], *(cases(row[name]) for name in ("requested", "allocated", "demand", "low", "high", "ahead"))]
        assert all(value in table for value in [*shown, percent(row["fulfilment_rate"])])
    for week in found.forecast["week"].unique():
        assert f"{pd.Timestamp(week):%m-%d}" in table
    assert "〓" not in first + table
    assert "{" not in first + table


def test_a_printed_letter_is_the_same_bytes_whenever_it_is_made(found: letter.Letter) -> None:
    later = letter.Letter(**{**vars(found), "made_at": datetime(2030, 1, 1)})
    assert letter_pdf.made(found) == letter_pdf.made(later)


def test_a_name_that_the_font_lacks_does_not_stop_a_letter(found: letter.Letter) -> None:
    strange = letter.Letter(**{**vars(found), "manufacturer": f"{RARE}记烟草"})
    pages = texts(letter_pdf.made(strange))
    assert "致 〓记烟草" in pages[0]
    assert "U+20BB7" in pages[-1]


def test_no_two_weeks_of_the_chart_are_out_of_order(found: letter.Letter) -> None:
    from jobs.letter_xlsx import by_week

    weeks = by_week(found)["week"].tolist()
    assert all(one < other for one, other in pairwise(weeks))


def test_the_letter_is_written_as_the_ending_says(
    watched_city: database.Database, watched: tuple[Path, date], rules: settings.Settings, tmp_path: Path
) -> None:
    source = exports.source(watched_city, rules, tmp_path / "h")
    name = str(letter.read(source).brands["manufacturer"].iloc[0])
    assert letter.write(source, tmp_path / "one.pdf", manufacturer=name, month="2026-08") == [tmp_path / "one.pdf"]
    assert name in texts((tmp_path / "one.pdf").read_bytes())[0]
