"""Lists that leave the pages as files, and the review's list that comes back in."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from jobs import edited_lists
from jobs.list_words import ListError
from ordering import database, tables
from ordering.accounts import Role
from ordering.database import accounts
from tests.web.browsing import with_password
from tests.web.conftest import House, bearer, shops_of
from tests.web.test_manager_pages import Reviewer
from tests.web.test_manager_pages import wang as wang

LISTS = {"/review": "manager", "/retailers": "manager", "/rates": "headquarters", "/runs": "headquarters", "/audit": "administrator"}
FORMULA = re.compile(r"^\s*[=+\-@\t\r]")


def of_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def of_xlsx(data: bytes, heads: int = 1) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()[heads:]


def written(rows: list[dict[str, str]], coding: str = "utf-8") -> bytes:
    out = io.StringIO(newline="")
    put = csv.DictWriter(out, list(rows[0]))
    put.writeheader()
    put.writerows(rows)
    return out.getvalue().encode(coding)


def workbook(path: Path, rows: list[dict[str, str]]) -> bytes:
    pd.DataFrame(rows).to_excel(path, index=False, engine="xlsxwriter")
    return path.read_bytes()


def token(wang: Reviewer) -> dict[str, str]:
    return {"X-CSRF-Token": wang.csrf}


def upload(wang: Reviewer, data: bytes, name: str = "list.csv", to: str = "/review/import", **fields: str) -> Any:
    headers = token(wang) | {"HX-Request": "true", "Accept": "text/html"}
    return wang.client.post(to, files={"list": (name, data)}, data=fields, headers=headers)


def confirm(wang: Reviewer, data: bytes, name: str = "list.csv", **fields: str) -> Any:
    shown = upload(wang, data, name)
    assert shown.status_code == 200, shown.text
    seen = re.search(r'name="seen" value="(\w+)"', shown.text)
    assert seen, shown.text
    return upload(wang, data, name, "/review/import/confirmation", seen=seen[1], **fields)


def exported(wang: Reviewer, **of: Any) -> list[dict[str, str]]:
    return of_csv(wang.client.get("/review.csv", params=of).content)


def changeable(rows: list[dict[str, str]], count: int = 2) -> list[dict[str, str]]:
    """Lines that may be set to nothing."""
    return [row for row in rows if int(row["suggested"]) > 0][:count]


# out


@pytest.mark.parametrize("of", [{}, {"state": "open", "flagged": True}, {"search": "brand"}, {"search": "own"}, {"search": "no such"}])
def test_the_files_have_exactly_the_lines_of_the_grid_in_its_order(wang: Reviewer, house: House, of: dict[str, Any]) -> None:
    every = wang.rows()
    of = of | {"search": {"brand": every[0]["brand_id"], "own": house.own}.get(of["search"], of["search"])} if "search" in of else of
    grid, keys = wang.rows(**of), ("retailer_id", "brand_id", "day")
    rows = exported(wang, **of)
    assert [(row["retailer_id"], row["brand_id"], row["order_day"]) for row in rows] == [tuple(row[key] for key in keys) for row in grid]
    assert [int(row["suggested"]) for row in rows] == [row["suggested"] for row in grid]
    assert [row["most"] for row in rows] == ["" if row["most"] is None else str(row["most"]) for row in grid]
    assert len(rows) < len(every) or not of.keys() - {"state", "flagged"}, "negative control: the filter leaves fewer"
    cells = of_xlsx(wang.client.get("/review.xlsx", params=of).content)
    assert [str(name) for name in cells[0]] == list(of_csv_head(wang, of))
    assert [row[0] for row in cells[1:]] == [row["retailer_id"] for row in rows]


def of_csv_head(wang: Reviewer, of: dict[str, Any]) -> list[str]:
    return wang.client.get("/review.csv", params=of).content.decode("utf-8-sig").splitlines()[0].split(",")


def test_headings_are_the_reader_s_and_the_names_of_columns_are_nobody_s(wang: Reviewer) -> None:
    heads = {}
    for language in ("zh", "en"):
        wang.client.cookies.set("language", language)
        heads[language] = CalamineWorkbook.from_filelike(io.BytesIO(wang.client.get("/review.xlsx").content)).get_sheet_by_index(0)
    zh, en = (sheet.to_python()[:2] for sheet in heads.values())
    assert zh[1] == en[1]
    assert zh[0] != en[0]
    assert {"retailer_id", "version", "final"} <= set(zh[1])


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_is_a_file_with_a_name_in_the_reader_s_language_and_is_noted(house: House, client: TestClient, path: str, kind: str) -> None:
    client.cookies.set("language", "zh")
    found = client.get(f"{path}.{kind}", headers=bearer(house, LISTS[path]))
    assert found.status_code == 200, found.text
    said = found.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[a-z]+_[\d-]+\.\w+\"; filename\*=UTF-8''[\w%.-]+", said)
    assert re.search(r"[一-鿿]", unquote(said))
    assert int(found.headers["content-length"]) == len(found.content) > 0
    log = house.db.rows(sa.select(tables.access_log.c.what))
    assert f"export {path[1:]}" in [row["what"] for row in log]
    assert client.get(f"{path}.{kind}", headers=bearer(house, house.own)).status_code == 403 or path == "/retailers"
    assert client.get(f"{path}.exe", headers=bearer(house, LISTS[path])).status_code == 422


def test_nothing_is_left_lying_about(house: House, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert client.get("/review.xlsx", headers=bearer(house, "manager")).status_code == 200
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_list_has_every_row_and_not_a_page_of_them(house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordering.database.lookups.AT_ONCE", 3)
    for path, query in (("/retailers", ""), ("/audit", ""), ("/audit", "?by=tester&offset=2"), ("/runs", ""), ("/rates", "?by=retailer")):
        rows = of_csv(client.get(f"{path}.csv{query}", headers=bearer(house, LISTS[path])).content)
        sheet = of_xlsx(client.get(f"{path}.xlsx{query}", headers=bearer(house, LISTS[path])).content)
        assert len(rows) == len(sheet) > 0, path
        if path == "/retailers":
            mine = [name for name, manager in shops_of(house.db).items() if manager == shops_of(house.db)[house.own]]
            assert [row["retailer_id"] for row in rows] == sorted(mine)
        if path == "/audit":
            total = client.get("/api/v1/audit", params={"by": "tester"} if query else {}, headers=bearer(house, "administrator")).json()[
                "total"
            ]
            assert len(rows) == total > 3
        if path == "/rates":
            numbers = [cell for cell in sheet[0] if isinstance(cell, float)]
            assert len(numbers) >= 5, "numbers are numbers"


def test_no_text_of_a_list_is_a_live_formula(house: House, client: TestClient) -> None:
    with house.db.reading() as reader:
        shops = database.read_table(reader, "retailers")
    sly = ["=1+1", "+1+2", "-1+2", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")']
    shops["name"] = [sly[at % len(sly)] for at in range(len(shops))]
    database.store(house.db, {"retailers": shops}, folder="city", by="tester", at=house.at)
    by = {"by": "=cmd|'/C calc'!A0", "at": house.at, "rules": house.settings.accounts}
    accounts.add(house.db, name="somebody", role=Role.HEADQUARTERS, password=None, **by)
    for path, query in (("/review", ""), ("/retailers", ""), ("/rates", "?by=retailer"), ("/audit", "")):
        headers = bearer(house, LISTS[path])
        text = client.get(f"{path}.csv{query}", headers=headers).content
        cells = [cell for row in of_csv(text) for cell in row.values()]
        live = [cell for cell in cells if FORMULA.match(cell) and not re.fullmatch(r"[+-]?\d+(\.\d+)?(e-?\d+)?", cell)]
        assert live == []
        assert any(cell.startswith("'") for cell in cells), "negative control: there was something to make inert"
        with zipfile.ZipFile(io.BytesIO(client.get(f"{path}.xlsx{query}", headers=headers).content)) as book:
            assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


# back in


@pytest.mark.parametrize("form", ["utf-8", "utf-8-sig", "gb18030", "xlsx", "its own xlsx"])
def test_an_edited_list_is_shown_and_then_taken_over_as_one_act(wang: Reviewer, tmp_path: Path, form: str) -> None:
    rows = exported(wang)
    first, second = changeable(rows)
    for row in (first, second):
        row |= {"final": "0", "code": "other", "note": "零售户说不要 – seen"}
    if form == "its own xlsx":
        sheet = of_xlsx(wang.client.get("/review.xlsx").content, heads=0)
        titles, names, *cells = sheet
        at = {name: place for place, name in enumerate(names)}
        for line, row in zip(cells, rows, strict=True):
            line[at["final"]], line[at["code"]], line[at["note"]] = row["final"], row["code"], row["note"]
        pd.DataFrame([names, *cells], columns=titles).to_excel(tmp_path / "l.xlsx", index=False, engine="xlsxwriter")
        data = (tmp_path / "l.xlsx").read_bytes()
    else:
        data = workbook(tmp_path / "l.xlsx", rows) if form == "xlsx" else written(rows, form)
    shown = upload(wang, data).text
    assert "Take over 2 changes" in shown
    assert f"{len(rows) - 2} lines" in shown
    assert wang.rows(state="decided") == [], "looking writes nothing"
    done = confirm(wang, data, why="agreed by telephone")
    assert "2 lines were taken over" in done.text, done.text
    found = wang.rows(state="adjusted")
    assert [(row["final"], row["code"], row["note"]) for row in found] == [(0, "other", "零售户说不要 – seen")] * 2
    batch = re.search(r'data-batch="(\d+)"', done.text)
    assert batch
    undone = wang.client.post(f"/review/import/{batch[1]}/undoing", headers=token(wang))
    assert "2 lines are what they were before" in undone.text
    assert wang.rows(state="decided") == []


def test_lines_that_somebody_decided_on_or_that_are_frozen_are_refused_and_named(wang: Reviewer, house: House) -> None:
    rows = exported(wang)
    first, second, third = changeable(rows, 3)
    for row in (first, second, third):
        row |= {"final": "0", "code": "retailer_declines"}
    of = {"retailer": first["retailer_id"], "brand": first["brand_id"], "day": first["order_day"]}
    decided = wang.client.post("/api/v1/suggestions/decisions", json={"decision": "accepted", "of": of}, headers=bearer(house, "colleague"))
    assert decided.status_code == 201, decided.text
    text = upload(wang, written(rows)).text
    assert "colleague decided meanwhile (accepted)" in text
    assert "Take over 2 changes" in text
    assert "2 lines were taken over" in confirm(wang, written(rows)).text
    assert wang.rows(**of)[0]["decision"] == "accepted"
    wang.client.cookies.clear()
    house.at += timedelta(days=1)
    frozen = exported_as(wang, house)
    day = min(row["order_day"] for row in frozen)
    late = [row | {"final": "0", "code": "retailer_declines"} for row in frozen if row["order_day"] == day and row["final"] != "0"]
    answer = wang.client.post("/review/import", files={"list": ("l.csv", written(late))}, headers=bearer(house, "manager"))
    assert "the cut-off has passed" in answer.text
    assert "Take over" not in answer.text


def exported_as(wang: Reviewer, house: House) -> list[dict[str, str]]:
    return of_csv(wang.client.get("/review.csv", headers=bearer(house, "manager")).content)


def test_lines_of_others_are_as_if_they_were_not_there(wang: Reviewer, house: House) -> None:
    foreign = of_csv(wang.client.get("/review.csv", headers=bearer(house, "stranger")).content)
    row = changeable(foreign, 1)[0] | {"final": "0", "code": "retailer_declines"}
    nowhere = row | {"retailer_id": "nowhere"}
    texts = [upload(wang, written([one])).text.replace(one["retailer_id"], "R") for one in (row, nowhere)]
    assert texts[0] == texts[1]
    assert "has no such line" in texts[0]
    assert "Take over" not in texts[0]
    as_hers = wang.client.post("/review/import", files={"list": ("l.csv", written([row]))}, headers=bearer(house, "stranger"))
    assert "Take over 1 change" in as_hers.text, "negative control"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"final": "many"}, 'is no whole number of cartons'),
        ({"final": "1.5"}, "is no whole number of cartons"),
        ({"final": "-1"}, "is no whole number of cartons"),
        ({"order_day": "soon"}, "is no date"),
        ({"version": "x"}, "keep what the list had there"),
        ({"final": "0", "code": "whim"}, "is no reason; use one of stock_differs"),
        ({"final": "0", "code": "other", "note": ""}, "say in the column note what it is"),
        ({"final": "900000", "code": "new_brand"}, "is above"),
        ({"override": "7"}, "put the quantity into the column final"),
        ({"retailer_id": "4.40E+11"}, "was rounded by the spreadsheet"),
        ({"brand_id": "B-none"}, "has no such line"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_is_told_with_its_number_its_value_and_the_remedy(
    wang: Reviewer, wrong: dict[str, str], said: str
) -> None:
    rows = exported(wang)
    row = next(one for one in changeable(rows, 99) if one["most"])
    place = rows.index(row)
    row |= wrong
    text = upload(wang, written(rows)).text
    assert said in text
    assert f'<td class="num">{place + 2}</td>' in text
    value = "other" if "note" in wrong else wrong.get("code" if "whim" in wrong.values() else next(iter(wrong)))
    assert f"</code> {value}</td>" in text or "brand_id" in wrong
    assert text.count("<code>") == 1, "the others are as they stand"
    assert "Take over" not in text


def test_a_large_change_needs_a_reason_and_a_line_that_stands_twice_is_refused(wang: Reviewer, house: House) -> None:
    rows = exported(wang)
    rules = house.settings.review
    large = next(one for one in rows if int(one["suggested"]) > rules.reason_cartons)
    data = written([large | {"final": "0"}])
    assert "cartons needs a reason; use one of stock_differs" in upload(wang, data).text
    twice = written([one | {"code": "another_brand"} for one in (large | {"final": "0"}, large)])
    text = upload(wang, twice).text
    assert "stands on line 2 with the same brand and day already" in text
    assert "Take over 1 change" in text


def test_what_a_spreadsheet_does_to_dates_and_zeros_is_understood(wang: Reviewer, house: House) -> None:
    rows = changeable(exported(wang))
    for row in rows:
        year, month, day = row["order_day"].split("-")
        row |= {"order_day": f"{year}/{int(month)}/{int(day)}", "final": "0.0", "code": "不是"}
        row |= {"code": "零售户不需要。", "retailer_id": row["retailer_id"].lstrip("0")}
    assert "Take over 2 changes" in upload(wang, written(rows)).text


def test_the_same_list_without_an_edit_changes_nothing(wang: Reviewer) -> None:
    row = changeable(exported(wang), 1)[0]
    data = written([row | {"final": "0", "code": "other", "note": "a\nb"}])
    assert "1 line was taken over" in confirm(wang, data).text
    text = upload(wang, written(exported(wang))).text
    assert "Take over" not in text
    assert "<code>" not in text
    cleared = [one | {"final": ""} for one in exported(wang, state="decided")]
    assert "is empty where 0 holds" in upload(wang, written(cleared)).text


def test_what_was_not_shown_is_not_written(wang: Reviewer) -> None:
    one, other = (written([row | {"final": "0", "code": "retailer_declines"}]) for row in changeable(exported(wang)))
    seen = re.search(r'name="seen" value="(\w+)"', upload(wang, one).text)
    assert seen
    for data, fields in ((other, {"seen": seen[1]}), (one, {}), (one, {"seen": "guessed"})):
        refused = upload(wang, data, to="/review/import/confirmation", **fields)
        assert (refused.status_code, "nothing was written" in refused.text) == (409, True)
    assert wang.rows(state="decided") == []
    assert upload(wang, one, to="/review/import/confirmation", seen=seen[1]).status_code == 200
    assert upload(wang, one, to="/review/import/confirmation", seen=seen[1]).status_code == 409, "it was taken over already"


def test_a_quantity_as_suggested_is_an_acceptance(wang: Reviewer) -> None:
    row = changeable(exported(wang), 1)[0]
    confirm(wang, written([row | {"final": row["suggested"]}]))
    assert [one["decision"] for one in wang.rows(state="decided")] == ["accepted"]


# what is sent to do harm


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    return out.getvalue()


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'


def book(sheet: str) -> bytes:
    """The smallest workbook, with a sheet of this XML."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packages = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return zipped({
        "[Content_Types].xml": f'<Types xmlns="{packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>'.encode(),  # noqa: E501
        "_rels/.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>'.encode(),  # noqa: E501
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'.encode(),  # noqa: E501
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'.encode(),  # noqa: E501
        "xl/worksheets/sheet1.xml": sheet.encode(),
    })  # fmt: skip


def cells(*at: str) -> str:
    return SHEET.format("".join(f'<row><c r="{one}" t="inlineStr"><is><t>final</t></is></c></row>' for one in at))


HARM: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "holds nothing"),
    "blanks": (lambda: b" \n\n", "holds nothing"),
    "commas": (lambda: b"," * 1_000_000, "characters on a line"),
    "lines of commas": (lambda: b"retailer_id,brand_id,order_day,version,final\n" + (b"," * 2_000 + b"\n") * 400, "columns"),
    "a zip of zeros": (lambda: zipped({"xl/worksheets/sheet1.xml": bytes(5 << 20)}), "unpacks to more"),
    "a cell far away": (lambda: book(cells("A1", "XFD1048576")), "cannot be read as a workbook"),
    "half a workbook": (lambda: book(cells("A1"))[:300], "cannot be read as a workbook"),
    "a zip of something": (lambda: zipped({"../../etc/passwd": b"x"}), "cannot be read as a workbook"),
    "broken XML": (lambda: book("<worksheet><sheetData><row>"), ""),
    "entities": (lambda: book('<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + cells("A1")), "has no column"),
    "macros": (lambda: zipped({"xl/workbook.xml": b"<w/>", "xl/vbaProject.bin": b"x"}), "holds macros"),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "old kind, or has a password"),
    "UTF-16": (lambda: "retailer_id,final".encode("utf-16"), "UTF-8 or GB18030"),
    "noise": (lambda: bytes(range(1, 256)) * 40, "UTF-8 or GB18030"),
    "an open quote": (lambda: b'retailer_id,brand_id,order_day,version,final\n"' + b"x\n" * 90_000, "line 2"),
    "other columns": (lambda: b"a,b\n1,2\n", "has no column retailer_id"),
    "a column twice": (lambda: b"retailer_id,brand_id,order_day,version,final,final\n", "column final twice"),
}  # fmt: skip


@pytest.mark.parametrize("way", HARM)
def test_a_file_that_is_no_list_is_refused_in_words(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edited_lists, "UNPACKED", 4 << 20)
    make, said = HARM[way]
    with pytest.raises(ListError) as error:
        edited_lists.read("l.xlsx", make())
    assert said in str(error.value)
    assert str(error.value).startswith("l.xlsx: ")
    assert re.search(r"[一-鿿]", error.value.words["zh"])


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\windows\\x.csv", "/etc/passwd", "a\0b.csv", "<b>x</b>.csv", "x" * 900, "", "清单\n.csv"]
)
def test_the_name_of_a_file_is_a_word_and_no_path(wang: Reviewer, tmp_path: Path, name: str) -> None:
    before = set(tmp_path.rglob("*"))
    answer = upload(wang, b"a,b\n1,2\n", name or "x")
    assert answer.status_code == 422
    assert "passwd:" in answer.text if "passwd" in name else "has no column" in answer.text
    for trick in ("etc/", "windows", "<b>", "x" * 100):
        assert trick not in answer.text
    assert edited_lists.shown_name(name).isprintable()
    assert not {"/", "\\"} & set(edited_lists.shown_name(name))
    assert {path.suffix for path in set(tmp_path.rglob("*")) - before} <= {".db-wal", ".db-shm"}


@pytest.mark.parametrize(
    "path", ["/review.csv/../../etc/passwd", "/review.%2e%2e%2fpasswd", "/rates.csv%00.xlsx", "/static/../app.py", "/audit.csv%0d%0aX: 1"]
)
def test_the_address_of_a_file_leads_to_lists_alone(house: House, client: TestClient, path: str) -> None:
    found = client.get(path, headers=bearer(house, "administrator"))
    assert found.status_code in (403, 404, 422)


def test_an_upload_has_a_bound_of_its_own_and_other_requests_keep_theirs(wang: Reviewer, house: House) -> None:
    most = house.settings.web.upload_kilobytes * 1024
    head = b"retailer_id,brand_id,order_day,version,final\n"
    between = head + b"R,B,2026-03-03,0,1\n" * (house.settings.web.body_kilobytes * 1024 // 15)
    assert house.settings.web.body_kilobytes * 1024 < len(between) < most
    assert upload(wang, between).status_code == 200
    assert upload(wang, b"," * (most + 1)).status_code == 413
    assert wang.client.post("/api/v1/suggestions/preview", content=between, headers=token(wang)).status_code == 413
    assert wang.client.get("/review/import").status_code == 200, "the service goes on"


def test_an_upload_is_taken_from_the_page_alone(wang: Reviewer, house: House) -> None:
    data = written(changeable(exported(wang)))
    assert wang.client.post("/review/import", files={"list": ("l.csv", data)}).json()["code"] == "NO_CSRF_TOKEN"
    for sent in ({"json": {}}, {"files": {"other": ("l.csv", data)}}, {"data": {"list": "text"}}):
        assert wang.client.post("/review/import", headers=token(wang), **sent).status_code == 422


def test_a_file_of_the_command_line_is_read_by_the_same_reader(wang: Reviewer, house: House, tmp_path: Path) -> None:
    from jobs import exports, reviewing
    from ordering.errors import TrueOrderError

    rows = changeable(exported(wang))
    workbook(tmp_path / "l.xlsx", [row | {"final": "0", "code": "retailer_declines"} for row in rows])
    source = exports.source(house.db, house.settings, house.folder / "one-history")
    (tmp_path / "bad.csv").write_bytes(written([rows[0] | {"final": "many"}, rows[1] | {"final": "0", "code": "retailer_declines"}]))
    with pytest.raises(TrueOrderError, match=r'bad\.csv:2: final "many" is no whole number'):
        reviewing.adjust_from(source, tmp_path / "bad.csv", by="Li", clock=house.at)
    with pytest.raises(TrueOrderError, match="cannot be read"):
        reviewing.adjust_from(source, tmp_path / "none.csv", by="Li", clock=house.at)
    assert wang.rows(state="decided") == [], "all or nothing"
    assert reviewing.adjust_from(source, tmp_path / "l.xlsx", by="Li", clock=house.at).lines == 2


def test_pages_lead_to_their_files_with_the_filter_they_have(house: House, client: TestClient) -> None:
    with_password(house, "manager")
    for path, query in (("/audit", "?by=tester&offset=100"), ("/rates", "?by=brand&show=why"), ("/retailers", "?search=0"), ("/runs", "")):
        text = client.get(path + query, headers=bearer(house, LISTS[path]) | {"Accept": "text/html"}).text
        links = re.findall(rf'href="({path}\.\w+[^"]*)"', text)
        kinds = 3 if path == "/rates" else 2
        assert len(links) == kinds or "No retailer fits" in text or "Nothing fits" in text, path
        assert not any("offset" in link for link in links)
        for link in links:
            assert client.get(link.replace("&amp;", "&"), headers=bearer(house, LISTS[path])).status_code == 200
