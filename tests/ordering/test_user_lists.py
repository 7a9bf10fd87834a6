"""Lists of users and of the audit, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from ordering import database, frames, settings
from ordering.accounts import Role
from ordering.database import accounts, audit, lookups, user_lists
from tests import factories as f

AT = datetime(2026, 3, 5, 4, 0)
RULES = settings.load().accounts.model_copy(update={"argon2_memory_kib": 8, "argon2_passes": 1})
PASSWORD = "correct horse battery"


def test_users_are_found_by_part_of_their_name_and_shown_with_when_they_were_last_there(db: database.Database) -> None:
    by = {"by": "tester", "at": AT, "rules": RULES}
    for name, role in (("Wang_1", Role.HEADQUARTERS), ("wang", Role.ADMINISTRATOR), ("till", Role.SERVICE)):
        accounts.add(db, name=name, role=role, password=None if role is Role.SERVICE else PASSWORD, **by)
    for later in (timedelta(), timedelta(hours=1)):
        assert accounts.log_in(db, "wang", PASSWORD, address="here", at=AT + later, rules=RULES)
    found, total = user_lists.page(db, search="WANG", offset=0, limit=9)
    assert [(one.user.person.name, one.seen_at) for one in found] == [("wang", AT + timedelta(hours=1)), ("Wang_1", None)]
    assert total == 2
    assert [one.user.person.name for one in user_lists.page(db, search="g_", offset=0, limit=9)[0]] == ["Wang_1"]
    assert user_lists.page(db, disabled=True, offset=0, limit=9) == ([], 0)
    some, total = user_lists.page(db, offset=2, limit=1)
    assert ([one.user.person.name for one in some], total) == (["till"], 3)
    assert user_lists.actions(db) == ["login", "users.add"]


def test_codes_of_territories_are_counted(db: database.Database) -> None:
    shops = f.table(frames.CONTRACT["retailers"], [f.retailer("R1"), f.retailer("R2"), f.retailer("R3", district="D2")])
    database.store(db, {"retailers": shops}, folder="city", by="tester", at=AT)
    assert user_lists.codes(db) == {"manager": {"M1": 3}, "district": {"D1": 2, "D2": 1}}


def test_the_audit_is_read_from_a_time_on_and_up_to_before_another(db: database.Database) -> None:
    with db.writing() as tx:
        for hour in range(4):
            audit.record(tx, action="test", subject=f"number {hour}", detail="", by="Wang", at=AT + timedelta(hours=hour))
    between = {"since": AT + timedelta(hours=1), "until": AT + timedelta(hours=3)}
    found, total = lookups.audit(db, by="Wang", action="te", offset=0, limit=9, **between)
    assert ([row["subject"] for row in found], total) == (["number 2", "number 1"], 2)
    assert lookups.audit_of(db, "number 3", offset=0, limit=9)[1] == 1
