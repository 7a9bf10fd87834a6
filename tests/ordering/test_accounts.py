"""Who may come in: by password, session and token, on both databases; and who may not any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ordering import database, frames, settings, tables
from ordering.accounts import MAY, Permission, Person, Role, Session, hash_of
from ordering.database import accounts, sessions
from ordering.errors import StateError, TrueOrderError
from tests import factories as f

P = Permission
AT = datetime(2026, 3, 2, 4, 0)
RULES = settings.load().accounts.model_copy(update={"argon2_memory_kib": 8, "argon2_passes": 1})
GOOD = "correct horse battery"
HOME = "10.0.0.7"


@pytest.fixture
def city(db: database.Database) -> database.Database:
    """Shops R0 to R3 of managers M0 and M1 in districts D0 to D2."""
    shops = [f.retailer(f"R{n}", account_manager=f"M{n % 2}", district=f"D{n % 3}") for n in range(4)]
    database.store(db, {"retailers": f.table(frames.RETAILERS, shops)}, folder="city", by="tester", at=AT)
    return db


def add(db: database.Database, name: str = "wang", role: Role = Role.HEADQUARTERS, password: str | None = GOOD, **more: Any) -> int:
    return accounts.add(db, name=name, role=role, password=password, by="tester", at=AT, rules=RULES, **more)


def come(db: database.Database, name: str = "wang", password: str = GOOD, *, at: datetime = AT, address: str = HOME) -> Session | None:
    return accounts.log_in(db, name, password, address=address, at=at, rules=RULES)


def came(db: database.Database, name: str = "wang", **more: Any) -> str:
    """The secret of a session of somebody who came in."""
    session = come(db, name, **more)
    assert session is not None
    return session.secret


def who(db: database.Database, secret: str, at: datetime = AT) -> Person | None:
    return accounts.by_session(db, secret, at=at)


def acts(db: database.Database) -> list[tuple[str, str, str]]:
    t = tables.audit
    return [(row["action"], row["subject"], row["by"]) for row in db.rows(sa.select(t).order_by(t.c.audit_id))]


def test_the_right_password_opens_a_session_that_says_who_it_is(city: database.Database) -> None:
    user_id = add(city, "lin", Role.ACCOUNT_MANAGER, managers=["M1"], districts=["D0", "D2"])
    session = come(city, "LIN ")
    assert session is not None
    assert session.person == Person(user_id, "lin", Role.ACCOUNT_MANAGER, None, frozenset({"M1"}), frozenset({"D0", "D2"}))
    assert who(city, session.secret) == session.person
    assert session.csrf not in session.secret
    assert acts(city) == [("users.add", "user lin", "tester"), ("login", "user lin", "lin")]


@pytest.mark.parametrize("name", ["nobody", "", "x" * 5000, "a\x00b", "\ud800"])
def test_no_password_opens_a_session_for_nobody(db: database.Database, name: str) -> None:
    add(db)
    assert come(db, name) is None
    assert come(db, "wang", "wrong horse battery") is None
    assert come(db, "wang", "x" * 5000) is None
    assert come(db, "wang", "\ud800") is None
    assert come(db) is not None


def test_every_log_in_has_another_secret_and_only_its_hash_is_stored(db: database.Database) -> None:
    add(db)
    one, two = came(db), came(db)
    assert one != two
    stored = [str(row) for table in tables.metadata.sorted_tables for row in db.rows(sa.select(table))]
    assert not [row for row in stored if one in row or two in row or GOOD in row]
    accounts.log_out(db, one, AT)
    assert who(db, one) is None
    assert who(db, two) is not None


def end_by_disabling(db: database.Database) -> None:
    accounts.disable(db, "wang", by="chief", why="left", at=AT)


def end_by_role(db: database.Database) -> None:
    accounts.set_role(db, "wang", Role.ADMINISTRATOR, by="chief", at=AT)


@pytest.mark.parametrize("end", [end_by_disabling, end_by_role])
def test_disabling_and_a_new_role_end_sessions_and_tokens_at_the_next_request(db: database.Database, end: Any) -> None:
    add(db)
    secret = came(db)
    token = accounts.new_token(db, "wang", label="script", expires_at=AT + timedelta(days=9), by="chief", at=AT)
    assert who(db, secret)
    assert accounts.by_token(db, token, at=AT)
    end(db)
    assert who(db, secret) is None
    assert accounts.by_token(db, token, at=AT) is None


def test_a_disabled_user_is_refused_and_let_in_again_when_enabled(db: database.Database) -> None:
    add(db)
    secret = came(db)
    end_by_disabling(db)
    assert come(db) is None
    with pytest.raises(StateError, match="disabled already"):
        end_by_disabling(db)
    accounts.enable(db, "wang", by="chief", at=AT)
    assert who(db, secret) is None
    assert who(db, came(db))


def test_a_new_password_ends_the_sessions_and_the_old_one_is_worth_nothing(db: database.Database) -> None:
    add(db)
    secret = came(db)
    accounts.set_password(db, "wang", "another long secret", by="chief", at=AT, rules=RULES)
    assert who(db, secret) is None
    assert come(db) is None
    assert come(db, password="another long secret")


def test_a_session_ends_when_it_is_idle_and_when_it_is_old(db: database.Database) -> None:
    add(db)
    idle, old = timedelta(minutes=RULES.idle_minutes), timedelta(hours=RULES.session_hours)
    secret = came(db)
    assert who(db, secret, AT + idle - timedelta(seconds=1))
    assert who(db, secret, AT + idle + timedelta(minutes=5))  # it was used meanwhile
    assert who(db, secret, AT + 2 * idle + timedelta(minutes=5)) is None
    kept = came(db)
    for quarter in range(1, int(old / timedelta(minutes=15))):
        assert who(db, kept, AT + quarter * timedelta(minutes=15))
    assert who(db, kept, AT + old) is None


def test_a_territory_holds_from_the_next_request_on(city: database.Database) -> None:
    add(city, "lin", Role.ACCOUNT_MANAGER, managers=["M0"])
    secret = came(city, "lin")

    def seen() -> list[str]:
        person = who(city, secret)
        assert person
        condition = accounts.seen(person)
        assert condition is not None
        shops = tables.contract["retailers"]
        listed = [row["retailer_id"] for row in city.rows(sa.select(shops.c.retailer_id).where(condition).order_by(shops.c.retailer_id))]
        assert listed == [shop for shop in ("R0", "R1", "R2", "R3", "R9") if accounts.sees(city, person, shop)]
        return listed

    assert seen() == ["R0", "R2"]
    accounts.set_territory(city, "lin", managers=["M0"], districts=["D1"], by="chief", at=AT)
    assert seen() == ["R0", "R1", "R2"]
    accounts.set_territory(city, "lin", by="chief", at=AT)
    assert seen() == []


def test_each_role_sees_its_retailers_and_no_others(city: database.Database) -> None:
    add(city, "R1", Role.RETAILER)
    add(city, "hq", Role.HEADQUARTERS)
    add(city, "root", Role.ADMINISTRATOR)
    seen = {
        name: [shop for shop in ("R0", "R1", "R9") if accounts.sees(city, who(city, came(city, name)), shop)]
        for name in ("R1", "hq", "root")
    }  # type: ignore[arg-type]
    assert seen == {"R1": ["R1"], "hq": ["R0", "R1"], "root": []}


def test_a_token_comes_in_with_its_scopes_until_it_ends(db: database.Database) -> None:
    add(db, "erp", Role.SERVICE, None)
    end = AT + timedelta(days=30)
    token = accounts.new_token(db, "erp", label="till", expires_at=end, by="chief", at=AT, scopes=["shop.read"])
    person = accounts.by_token(db, token, at=AT)
    assert person
    assert sorted(person.scopes or ()) == ["shop.read"]
    assert accounts.by_token(db, token, at=end) is None
    (listed,) = accounts.tokens(db, "erp")
    assert listed.used_at == AT
    accounts.by_token(db, token, at=AT + timedelta(minutes=59))
    assert accounts.tokens(db, "erp")[0].used_at == AT
    accounts.revoke_token(db, listed.token_id, by="chief", why="strayed", at=AT)
    assert accounts.by_token(db, token, at=AT) is None
    with pytest.raises(StateError, match="there is no token 1 to revoke"):
        accounts.revoke_token(db, listed.token_id, by="chief", why="again", at=AT)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"label": " "}, "label: say it"),
        ({"label": "a\x00"}, "label: say it"),
        ({"scopes": []}, "names what it is good for"),
        ({"scopes": ["users.manage"]}, 'scope "users.manage": a token of role service may have'),
        ({"expires_at": AT}, "a token ends within"),
        ({"expires_at": AT + timedelta(days=9999)}, "a token ends within"),
        ({"by": ""}, "by: say it"),
    ],
)
def test_a_token_that_says_too_little_or_asks_too_much_is_refused(db: database.Database, more: dict[str, Any], told: str) -> None:
    add(db, "erp", Role.SERVICE, None)
    good = {"label": "till", "expires_at": AT + timedelta(days=3), "by": "chief", "scopes": ["shop.read"]}
    with pytest.raises(TrueOrderError, match=told):
        accounts.new_token(db, "erp", at=AT, **(good | more))
    assert accounts.tokens(db, "erp") == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"name": ""}, "write 1 to 100 visible"),
        ({"name": "a\tb"}, "write 1 to 100 visible"),
        ({"name": "ｗａｎｇ"}, 'there is a user "ｗａｎｇ" already'),
        ({"password": "short"}, "5 characters; write at least 12"),
        ({"password": "the longest name 1", "name": "The longest name"}, "it is the user name"),
        ({"password": "ababababababab"}, "fewer than 5 different"),
        ({"role": Role.SERVICE}, "a service has none"),
        ({"role": Role.RETAILER, "name": "R9"}, 'retailer "R9": no retailer of the city'),
        ({"role": Role.RETAILER, "name": "R1", "retailer_id": "R2"}, "is its licence number, R2"),
        ({"role": Role.ACCOUNT_MANAGER, "managers": ["M7"]}, 'manager "M7": no retailer'),
        ({"managers": ["M1"]}, "of role headquarters has none"),
        ({"retailer_id": "R1"}, "only a user of role retailer"),
    ],
)
def test_a_user_that_does_not_hold_together_is_not_added(city: database.Database, values: dict[str, Any], told: str) -> None:
    add(city)
    before = acts(city)
    with pytest.raises(TrueOrderError, match=told):
        add(city, **({"name": "li"} | values))
    assert [user.person.name for user in accounts.listed(city)] == ["wang"]
    assert acts(city) == before


def test_a_hash_of_older_settings_is_renewed_at_the_next_log_in(db: database.Database) -> None:
    add(db)
    later = RULES.model_copy(update={"argon2_passes": 2})
    before = db.rows(sa.select(tables.users))[0]["password_hash"]
    assert accounts.log_in(db, "wang", "wrong horse battery", address=HOME, at=AT, rules=later) is None
    assert db.rows(sa.select(tables.users))[0]["password_hash"] == before
    assert accounts.log_in(db, "wang", GOOD, address=HOME, at=AT, rules=later)
    after = db.rows(sa.select(tables.users))[0]["password_hash"]
    assert "t=1" in before
    assert "t=2" in after
    assert come(db)


def test_a_shop_whose_name_no_database_can_hold_is_seen_by_nobody(city: database.Database) -> None:
    add(city)
    person = who(city, came(city))
    assert person
    assert [accounts.sees(city, person, shop) for shop in ("R1\x00", "\ud800", "", "R1")] == [False, False, False, True]


def test_who_lets_people_in_decides_nothing_and_who_decides_lets_nobody_in() -> None:
    rule, decide = (
        {P.MANAGE_USERS, P.READ_AUDIT, P.PRIVACY},
        {P.ORDER, P.DECIDE, P.ANSWER, P.PUBLISH, P.PUBLISH_STRATEGY, P.CORRECT, P.RERUN},
    )
    assert rule <= MAY[Role.ADMINISTRATOR]
    assert not decide & MAY[Role.ADMINISTRATOR]
    assert [role for role in Role if role is not Role.ADMINISTRATOR and rule & MAY[role]] == []


@pytest.mark.parametrize("role", Role)
def test_a_token_never_allows_more_than_its_role(role: Role) -> None:
    whole, none, odd = (Person(1, "a", role, scopes=scopes) for scopes in (None, frozenset[P](), frozenset(P)))
    assert {p for p in P if whole.may(p)} == {p for p in P if odd.may(p)} == MAY[role]
    assert not any(none.may(p) for p in P)


def test_who_comes_in_is_found_by_index_however_many_there_are(city: database.Database) -> None:
    t = tables
    people = [
        {"name": f"u{n}", "login": f"u{n}", "role": "headquarters", "disabled": False, "created_at": AT, "created_by": "x"}
        for n in range(3000)
    ]
    held = {"created_at": AT, "seen_at": AT, "idle_seconds": 60, "expires_at": AT + timedelta(days=1), "address": ""}
    with city.writing() as tx:
        tx.execute(t.users.insert(), people)
        tx.execute(t.user_sessions.insert(), [held | {"secret_hash": hash_of(f"s{n}"), "user_id": n + 1} for n in range(3000)])
    with city.engine.connect() as connection:
        lite = connection.dialect.name == "sqlite"
        if not lite:
            connection.exec_driver_sql("ANALYZE")
        query = sessions.WHOSE.params(secret_hash=hash_of("s7"), at=AT).compile(connection, compile_kwargs={"literal_binds": True})
        plan = str(connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if lite else ''}{query}").all())
    assert "SCAN" not in plan
    assert "Seq Scan on user_sessions" not in plan
    assert "Seq Scan on users" not in plan
    assert "user_sessions" in plan
