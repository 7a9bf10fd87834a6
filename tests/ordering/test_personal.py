"""Personal data: every table is classified, what is stored is given out whole, and what is deleted is gone from every table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ordering import database, frames, personal, settings, tables
from ordering.accounts import Person, Role
from ordering.database import accounts, cancellations, owners, privacy, reads, retention
from ordering.errors import StateError, TrueOrderError
from ordering.personal import Fate
from tests import factories as f

AT = datetime(2026, 3, 2, 4, 0)
RULES = settings.load().accounts.model_copy(update={"argon2_memory_kib": 8, "argon2_passes": 1})
SECRET = "张三私密"
"""Stands in every text that tells of the person, and must be nowhere afterwards."""
TEXT = (sa.Text, sa.String)


# every table is classified


def test_every_table_says_what_it_holds_about_people() -> None:
    assert set(personal.TABLES) == set(tables.metadata.tables), "classify it in ordering/personal.py"


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_a_table_is_classified_by_what_its_columns_are(table: sa.Table) -> None:
    holding = personal.TABLES[table.name]
    assert (owners.of_retailer(table, "R1") is not None) == (holding.fate is not Fate.NOBODYS)
    assert set(holding.cleared) | set(holding.codes) <= set(table.c.keys())
    assert bool(holding.cleared) == (holding.fate is Fate.CLEARED)
    assert [name for name, value in holding.cleared.items() if value is None and not table.c[name].nullable] == []
    assert [name for name in holding.cleared if table.c[name].primary_key] == []


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_text_of_a_retailers_rows_is_an_id_a_code_a_member_of_staff_or_cleared(table: sa.Table) -> None:
    holding = personal.TABLES[table.name]
    if holding.fate not in (Fate.KEPT, Fate.CLEARED):
        return
    staff = {c.name for c in owners.staff_columns(table)}
    told = {c.name for c in table.columns if isinstance(c.type, TEXT) and not c.name.endswith("_id")}
    assert told - staff - set(holding.cleared) - set(holding.codes) == set()


def test_a_table_that_is_added_and_not_classified_would_be_noticed() -> None:
    more = sa.Table("parcels", sa.MetaData(), sa.Column("retailer_id", sa.Text), sa.Column("note", sa.Text), sa.Column("seen_by", sa.Text))
    assert owners.of_retailer(more, "R1") is not None
    assert [c.name for c in owners.staff_columns(more)] == ["seen_by"]
    assert more.name not in personal.TABLES


def test_an_unclassified_table_stops_a_deletion_before_anything_is_done(full: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(full)
    monkeypatch.setattr(personal, "TABLES", {name: held for name, held in personal.TABLES.items() if name != "holds"})
    with pytest.raises(StateError, match=r"nothing was deleted: .* what table holds holds"):
        forget(full)
    assert contents(full) == before


# a city in which every table that can hold something of a retailer does


def value_of(column: sa.Column[Any], number: int) -> Any:
    ids = {"order_id": f"O-R1-{number}", "brand_id": "B1", "retailer_id": "R1", "reader": "R1"}
    if column.name in ids:
        return ids[column.name]
    kinds: list[tuple[type, Any]] = [
        (sa.Boolean, True), (sa.DateTime, AT), (sa.Date, f.week(number)), (sa.Double, 1.0 + number), (sa.Integer, 40 + number),
    ]  # fmt: skip
    return next((value for kind, value in kinds if isinstance(column.type, kind)), f"code{number}")


def row_of(table: sa.Table, **more: Any) -> dict[str, Any]:
    """A row of retailer R1, with the secret in every column that is cleared and holds text."""
    row = {c.name: value_of(c, 1) for c in table.columns} | more
    cleared = personal.TABLES[table.name].cleared
    return row | {name: SECRET for name in cleared if isinstance(table.c[name].type, TEXT) and name not in more}


BY_HAND = (
    "retailers",
    "brands",
    "order_lines",
    "users",
    "user_sessions",
    "user_tokens",
    "batches",
    "audit",
    "cancelled_lines",
    "forgotten_retailers",
)


def contents(db: database.Database) -> dict[str, list[dict[str, Any]]]:
    return {t.name: sorted(db.rows(sa.select(t)), key=str) for t in tables.metadata.sorted_tables}


@pytest.fixture
def full(db: database.Database) -> database.Database:
    """R1 (with R2 and R3 of one owner) in every table that can hold it, and R4, a stranger, beside it."""
    shops = [
        f.retailer(n, name=f"{SECRET}{n}", street=f"{SECRET}街{n}", licence_group=f"{SECRET}户", latitude=31.5) for n in ("R1", "R2", "R3")
    ]
    lines = [f.line(shop, order_id=f"O-{shop}-1") for shop in ("R1", "R4")]
    found = {"retailers": [*shops, f.retailer("R4")], "brands": [f.brand()], "order_lines": [*lines, f.line("R1", order_id="O-R1-2")]}
    database.store(db, {n: f.table(frames.CONTRACT[n], rows) for n, rows in found.items()}, folder="city", by="tester", at=AT)
    accounts.add(db, name="R1", role=Role.RETAILER, password="a long enough one", by="chief", at=AT, rules=RULES)
    assert accounts.log_in(db, "R1", "a long enough one", address=SECRET, at=AT, rules=RULES)
    accounts.new_token(db, "R1", label=SECRET, expires_at=AT + timedelta(days=3), by="chief", at=AT)
    cancellations.cancel(db, "O-R1-2", brand_id=None, since=f.week(-1), by="chief", why=SECRET, at=AT)
    with db.writing() as tx:
        for table in tables.metadata.sorted_tables:
            if table.name not in BY_HAND and owners.of_retailer(table, "R1") is not None:
                tx.execute(table.insert().values(row_of(table, **({"user_id": 1} if "user_id" in table.c else {}))))
                if "retailer_id" in table.c:
                    other = {"retailer_id": "R4", **({"order_id": "O-R4-1"} if "order_id" in table.c else {})}
                    ids = {c.name: 99 for c in table.primary_key.columns if isinstance(c.type, sa.Integer)}
                    tx.execute(table.insert().values(row_of(table, **other, **ids)))
    return db


def forget(db: database.Database, retailer_id: str = "R1") -> privacy.Forgotten:
    return privacy.forget(db, retailer_id, by="chief", why="at the owner's wish", at=AT)


def of(rows: Mapping[str, list[dict[str, Any]]], shop: str) -> dict[str, list[dict[str, Any]]]:
    return {name: [row for row in found if row.get("retailer_id") == shop] for name, found in rows.items()}


def test_what_is_given_out_is_every_row_of_every_table_and_no_secret(full: database.Database) -> None:
    found = dict(privacy.about_retailer(full, "R1"))
    assert set(found) == {t.name for t in tables.metadata.sorted_tables if owners.of_retailer(t, "R1") is not None} - {
        "forgotten_retailers"
    }
    assert {name: len(rows) for name, rows in of(contents(full), "R1").items() if rows} == {
        name: len(frame) for name, frame in found.items() if "retailer_id" in frame
    }
    assert not [name for name, frame in found.items() if personal.SECRETS & set(frame.columns)]
    assert "R4" not in str([frame.to_dict("records") for frame in found.values()])


def test_what_is_given_out_of_a_user_is_what_it_is_and_did_and_no_secret(full: database.Database) -> None:
    with full.writing() as tx:
        tx.execute(tables.audit.insert().values(at=AT, by="lin", action="x", subject="batch 7", detail="by lin"))
    user_id = accounts.add(full, name="lin", role=Role.HEADQUARTERS, password="a long enough one", by="chief", at=AT, rules=RULES)
    accounts.new_token(full, "lin", label="script", expires_at=AT + timedelta(days=3), by="chief", at=AT)
    found = dict(privacy.about_user(full, Person(user_id, "lin", Role.HEADQUARTERS)))
    assert {name: len(frame) for name, frame in found.items()} == {"users": 1, "user_tokens": 1, "audit": 3}
    assert not [name for name, frame in found.items() if personal.SECRETS & set(frame.columns)]
    named = dict(privacy.about_user(full, Person(99, "code1", Role.HEADQUARTERS)))  # stands where the made-up rows name somebody
    staffed = {t.name for t in tables.metadata.sorted_tables if owners.staff_columns(t) and owners.of_retailer(t, "R1") is not None}
    secret = {name for name, held in personal.TABLES.items() if "asked_by" in held.cleared}  # it stands there in the place of the name
    assert set(named) == staffed - set(BY_HAND) - secret


def test_after_a_deletion_nothing_of_the_person_is_left_in_any_table(full: database.Database) -> None:
    assert SECRET in str(of(contents(full), "R1")), "the control: it was there"
    done = forget(full)
    after = contents(full)
    kept = {name: rows for name, rows in after.items() if SECRET in str(rows)}
    assert set(kept) <= {"retailers", *(name for name, rows in of(after, "R4").items() if SECRET in str(rows))}
    assert SECRET not in str(of(after, "R1"))
    assert SECRET not in str(list(after["audit"] + after["batches"]))
    assert all(not rows for name, rows in of(after, "R1").items() if personal.TABLES[name].fate is Fate.DELETED)
    shop = next(row for row in after["retailers"] if row["retailer_id"] == "R1")
    assert (shop["name"], shop["street"], shop["latitude"], shop["longitude"]) == (done.pseudonym, done.pseudonym, None, None)
    told = [row for row in after["audit"] if row["action"] == "privacy.delete"]
    assert [(row["subject"], row["by"]) for row in told] == [("retailer R1", "chief")]
    assert done.pseudonym not in told[0]["detail"]


def test_what_was_ordered_and_given_stays_to_the_carton_and_others_are_not_touched(full: database.Database) -> None:
    before = contents(full)
    forget(full)
    after = contents(full)
    for name, held in personal.TABLES.items():
        if held.fate in (Fate.KEPT, Fate.NOBODYS) and name != "forgotten_retailers":
            assert after[name] == before[name], name
    assert of(after, "R4") == of(before, "R4")
    with full.reading() as reader:
        lines = reads.read_lines(reader, date(2026, 1, 1), date(2026, 12, 31))
    assert sorted(lines["retailer_id"].to_pylist()) == ["R1", "R4"]


def test_an_owner_whose_one_licence_was_forgotten_is_still_one_claimant(full: database.Database) -> None:
    forget(full)
    groups = {row["retailer_id"]: row["licence_group"] for row in contents(full)["retailers"]}
    assert groups["R1"] == groups["R2"] == groups["R3"] != f"{SECRET}户"
    assert groups["R4"] == ""
    forget(full, "R2")
    assert {row["retailer_id"]: row["licence_group"] for row in contents(full)["retailers"]} == groups


def test_an_import_of_the_old_file_does_not_bring_back_what_was_deleted(full: database.Database) -> None:
    shops = list(contents(full)["retailers"])
    conduct = [{"retailer_id": shop, "month": "2026-02", "score": 50.0, "note": SECRET} for shop in ("R1", "R4")]
    forget(full)
    after = contents(full)
    found = {"retailers": f.table(frames.RETAILERS, shops), "integrity": f.table(frames.INTEGRITY, conduct)}
    counts = database.store(full, found, folder="city", by="tester", at=AT + timedelta(days=1))
    assert of(contents(full), "R1") == of(after, "R1")
    assert {row["licence_group"] for row in contents(full)["retailers"]} == {row["licence_group"] for row in after["retailers"]}
    assert (counts["retailers"].changed, counts["integrity"].new, counts["integrity"].same) == (0, 1, 1)


def test_the_retailer_cannot_come_in_any_more(full: database.Database) -> None:
    forget(full)
    assert accounts.log_in(full, "R1", "a long enough one", address="", at=AT, rules=RULES) is None
    assert accounts.tokens(full, "R1") == []


def test_a_deletion_that_breaks_off_leaves_everything_as_it_was(full: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(full)
    wrong = {"users": personal.Holding(Fate.CLEARED, {"name": None})}  # refused by the database, after most of the work is done
    monkeypatch.setattr(personal, "TABLES", dict(personal.TABLES) | wrong)
    with pytest.raises(sa.exc.IntegrityError):
        forget(full)
    assert contents(full) == before


@pytest.mark.parametrize(("shop", "by", "why"), [("R9", "chief", "wish"), ("R1", " ", "wish"), ("R1", "chief", "")])
def test_a_deletion_needs_a_retailer_a_name_and_a_reason(full: database.Database, shop: str, by: str, why: str) -> None:
    before = contents(full)
    with pytest.raises(TrueOrderError):
        privacy.forget(full, shop, by=by, why=why, at=AT)
    assert contents(full) == before


def test_the_parquet_history_holds_nothing_that_is_deleted() -> None:
    cleared = {name for held in personal.TABLES.values() for name in held.cleared}
    assert cleared & set(reads.LINE_TYPES) == set()


def test_after_a_deletion_the_file_of_the_database_does_not_hold_it_either(full: database.Database) -> None:
    if full.url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL clears what was deleted when it vacuums")
    with full.writing() as tx:  # R4's rows hold the same text in other places
        for table in tables.metadata.sorted_tables:
            if "retailer_id" in table.c:
                tx.execute(table.delete().where(table.c.retailer_id.in_(("R4", "R2", "R3"))))
    files = [Path(f"{full.url.database}{ending}") for ending in ("", "-wal")]

    def found() -> list[str]:
        return [file.name for file in files if file.exists() and SECRET.encode() in file.read_bytes()]

    assert found(), "the control: it was there"
    forget(full)
    assert found() == []


# who looked


def test_who_looked_is_noted_once_an_hour_and_never_of_ones_own_shop(db: database.Database) -> None:
    lin, own = Person(1, "lin", Role.ACCOUNT_MANAGER), Person(2, "R1", Role.RETAILER, "R1")
    for minutes in (0, 10, 59, 60):
        privacy.note_access(db, person=lin, retailer_id="R1", what="orders", at=AT + timedelta(minutes=minutes))
    with db.writing() as tx:
        privacy.note_access(tx, person=lin, retailer_id="R1", what="orders", at=AT + timedelta(minutes=61))
    privacy.note_access(db, person=lin, retailer_id="R2", what="orders", at=AT)
    privacy.note_access(db, person=lin, what="suggestions", at=AT)
    privacy.note_access(db, person=own, retailer_id="R1", what="orders", at=AT)
    found = [(row["at"], row["user_name"], row["what"], bool(row["listed"])) for row in privacy.read_log(db, "R1")]
    assert found == [(AT + timedelta(hours=1), "lin", "orders", False), (AT, "lin", "orders", False), (AT, "lin", "suggestions", True)]


# what has had its time


def test_what_has_had_its_time_goes_and_nothing_else(full: database.Database) -> None:
    rules = settings.load()
    before = {name: len(rows) for name, rows in contents(full).items()}

    def drop(at: datetime) -> dict[str, int]:
        return {name: n for name, n in retention.drop(full, rules.accounts, rules.privacy, at=at).items() if n}

    assert drop(AT + timedelta(minutes=1)) == {}
    assert {name: len(rows) for name, rows in contents(full).items()} == before
    assert drop(AT + timedelta(minutes=rules.accounts.idle_minutes)) == {"user_sessions": 1}
    assert drop(AT + timedelta(days=rules.privacy.access_log_days + 1)) == {"access_log": 2}
    later = drop(AT + timedelta(days=31 * rules.privacy.decision_months + 60))
    spoken = dict.fromkeys(("complaint_entries", "complaints", "surveys"), 2)
    assert later == {"suggestion_decisions": 2, "decision_versions": 2, "flag_answers": 2, "visits": 2} | spoken
    assert drop(AT + timedelta(days=31 * rules.privacy.decision_months + 60)) == {}
