"""Users: adding them, what they are, and ending it. Every act is audited in its transaction, and ends what must not go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ordering import passwords, tables
from ordering.accounts import Person, Role, check_name, login_of, said
from ordering.database import audit
from ordering.database.connection import Database, new_id
from ordering.errors import StateError, TrueOrderError
from ordering.service_settings import AccountSettings

T = tables.users
PLACES = tables.user_territories
SESSIONS, TOKENS = tables.user_sessions, tables.user_tokens
SHOPS = tables.contract["retailers"]
KINDS = {"manager": SHOPS.c.account_manager, "district": SHOPS.c.district}


@dataclass(frozen=True)
class User:
    """A user as a list shows it; times are UTC."""

    person: Person
    disabled: bool
    has_password: bool
    created_at: datetime
    created_by: str


def add(
    db: Database, *, name: str, role: Role, password: str | None, retailer_id: str | None = None, managers: Iterable[str] = (),
    districts: Iterable[str] = (), by: str, at: datetime, rules: AccountSettings,
) -> int:  # fmt: skip
    """Add a user; gives its id. Without a password it comes in by tokens only. A retailer's user name is its licence number.

    Raises TrueOrderError where name, password or territory will not do, StateError where somebody has that name.
    """
    name, by, role = check_name(name), named(by), Role(role)
    shop = _shop_of(name, role, retailer_id)
    stored = None if password is None else _hashed(password, name, role, rules)
    places = _places(role, managers, districts)
    values = {
        "name": name, "login": login_of(name), "role": role, "retailer_id": shop, "password_hash": stored,
        "password_at": at if stored else None, "disabled": False, "created_at": at, "created_by": by,
    }  # fmt: skip
    with db.writing() as tx:
        _known(tx, shop, places)
        try:
            user_id = new_id(tx, T, values)
        except sa.exc.IntegrityError as error:
            raise StateError(f'there is a user "{name}" already; trueorder users list shows all', f"已有用户“{name}”") from error
        _put_places(tx, user_id, places)
        _note(tx, "users.add", name, f"role {role}{_told(places)}", by=by, at=at)
    return user_id


def disable(db: Database, name: str, *, by: str, why: str, at: datetime) -> None:
    """Keep a user out: all its sessions and tokens end now. Raises StateError where it is out already."""
    why = said("why", why)
    with db.writing() as tx:
        user = locked(tx, name)
        if user["disabled"]:
            raise StateError(f'user "{user["name"]}" is disabled already', f"用户“{user['name']}”已停用")
        tx.execute(T.update().where(T.c.user_id == user["user_id"]).values(disabled=True))
        end_all(tx, user["user_id"], by=by, at=at)
        _note(tx, "users.disable", user["name"], why, by=named(by), at=at)


def enable(db: Database, name: str, *, by: str, at: datetime) -> None:
    """Let a user in again, with the password it had; sessions and tokens that ended stay ended."""
    with db.writing() as tx:
        user = locked(tx, name)
        if not user["disabled"]:
            raise StateError(f'user "{user["name"]}" is not disabled', f"用户“{user['name']}”未停用")
        tx.execute(T.update().where(T.c.user_id == user["user_id"]).values(disabled=False))
        _note(tx, "users.enable", user["name"], "", by=named(by), at=at)


def set_role(db: Database, name: str, role: Role, *, by: str, at: datetime) -> None:
    """Give a user another role; its sessions and tokens end, and so does a territory that the new role has not."""
    with db.writing() as tx:
        user, role = locked(tx, name), Role(role)
        if user["role"] == role:
            raise StateError(f'user "{user["name"]}" has the role {role} already', f"用户“{user['name']}”已是此角色")
        shop = _shop_of(user["name"], role, None)
        _known(tx, shop, {})
        if role is Role.SERVICE and user["password_hash"]:
            raise TrueOrderError(
                "role service: a service has no password; add it as a new user, without one", "程序用户没有密码；请另建一个不设密码的用户"
            )
        tx.execute(T.update().where(T.c.user_id == user["user_id"]).values(role=role, retailer_id=shop))
        _put_places(tx, user["user_id"], {})
        end_all(tx, user["user_id"], by=by, at=at)
        _note(tx, "users.role", user["name"], f"{user['role']} -> {role}", by=named(by), at=at)


def set_territory(db: Database, name: str, *, managers: Iterable[str] = (), districts: Iterable[str] = (), by: str, at: datetime) -> None:
    """Say anew whose retailers an account manager sees; it holds from the next request on."""
    with db.writing() as tx:
        user = locked(tx, name)
        places = _places(Role(user["role"]), managers, districts)
        _known(tx, None, places)
        _put_places(tx, user["user_id"], places)
        _note(tx, "users.territory", user["name"], _told(places).lstrip("; ") or "none", by=named(by), at=at)


def set_password(db: Database, name: str, password: str, *, by: str, at: datetime, rules: AccountSettings) -> None:
    """Give a user another password; its sessions end, its tokens do not."""
    found = find(db, name)
    stored = _hashed(password, found.person.name, found.person.role, rules)
    with db.writing() as tx:
        user = locked(tx, name)
        tx.execute(T.update().where(T.c.user_id == user["user_id"]).values(password_hash=stored, password_at=at))
        tx.execute(SESSIONS.delete().where(SESSIONS.c.user_id == user["user_id"]))
        _note(tx, "users.password", user["name"], "", by=named(by), at=at)


def end_all(tx: sa.Connection, user_id: int, *, by: str, at: datetime) -> None:
    """End a user's sessions, and revoke its tokens."""
    tx.execute(SESSIONS.delete().where(SESSIONS.c.user_id == user_id))
    live = (TOKENS.c.user_id == user_id, TOKENS.c.revoked_at.is_(None))
    tx.execute(TOKENS.update().where(*live).values(revoked_at=at, revoked_by=named(by)))


def listed(db: Database) -> list[User]:
    """All users, by role and name."""
    return some(db)


def some(db: Database, *where: sa.ColumnElement[bool]) -> list[User]:
    """The users that conditions on `users` choose, by role and name."""
    return sorted(_users(db, *where), key=lambda user: (user.person.role, user.person.name))


def find(db: Database, name: str) -> User:
    """The user of a name. Raises StateError where there is none."""
    found = _users(db, T.c.login == login_of(name)) if name.isprintable() else []
    if not found:
        raise _nobody(name)
    return found[0]


def _users(db: Database, *where: sa.ColumnElement[bool]) -> list[User]:
    rows = db.rows(joined(T).add_columns(T.c.disabled, T.c.password_hash, T.c.created_at, T.c.created_by).where(*where))
    by_user: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_user.setdefault(row["user_id"], []).append(row)
    return [
        User(person_of(own), own[0]["disabled"], own[0]["password_hash"] is not None, own[0]["created_at"], own[0]["created_by"])
        for own in by_user.values()
    ]


def joined(source: sa.FromClause) -> sa.Select[Any]:
    """What a person is made of, from a join that holds `users`: one row for each code of its territory, at least one."""
    whole = source.outerjoin(PLACES, PLACES.c.user_id == T.c.user_id)
    return sa.select(T.c.user_id, T.c.name, T.c.role, T.c.retailer_id, PLACES.c.kind, PLACES.c.code).select_from(whole)


def by_secret(source: sa.FromClause, *more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Who holds a secret whose hash is stored in `source`: made once, run at every request with :secret_hash and :at."""
    held = (source.c.secret_hash == sa.bindparam("secret_hash"), source.c.expires_at > sa.bindparam("at"), sa.not_(T.c.disabled))
    return joined(source.join(T, T.c.user_id == source.c.user_id)).add_columns(*more).where(*held)


def person_of(rows: Sequence[Mapping[str, Any]]) -> Person:
    """The person that the rows of `joined` make."""
    codes = {kind: frozenset(row["code"] for row in rows if row["kind"] == kind) for kind in KINDS}
    first = rows[0]
    return Person(first["user_id"], first["name"], Role(first["role"]), first["retailer_id"], codes["manager"], codes["district"])


def locked(tx: sa.Connection, name: str) -> dict[str, Any]:
    """The row of a user, held until the transaction ends: who comes in at this moment waits, or was seen."""
    query = sa.select(T).where(T.c.login == login_of(name)).with_for_update()
    found = tx.execute(query).mappings().first() if name.isprintable() else None
    if found is None:
        raise _nobody(name)
    return dict(found)


def _nobody(name: str) -> StateError:
    return StateError(f'there is no user "{name[:100]}"; trueorder users list shows all', f"没有用户“{name[:100]}”")


def named(by: str) -> str:
    """Who does it; TrueOrderError where nobody is named."""
    return said("by", by)


def _shop_of(name: str, role: Role, retailer_id: str | None) -> str | None:
    """The shop of a user: its name, for a retailer."""
    if role is not Role.RETAILER:
        if retailer_id is not None:
            raise TrueOrderError(
                f"retailer {retailer_id}: only a user of role retailer has one", f"零售户{retailer_id}：只有零售户角色的用户才对应零售户"
            )
        return None
    if retailer_id not in (None, name):
        raise TrueOrderError(
            f'user name "{name}": a retailer\'s is its licence number, {retailer_id}',
            f"用户名“{name}”：零售户的用户名为其许可证号{retailer_id}",
        )
    return name


def _hashed(password: str, name: str, role: Role, rules: AccountSettings) -> str:
    if role is Role.SERVICE:
        raise TrueOrderError("password: a service has none; give it a token: trueorder users token", "程序用户没有密码；请为其创建令牌")
    return passwords.hashed(passwords.check(password, name, rules), rules)


def _places(role: Role, managers: Iterable[str], districts: Iterable[str]) -> dict[str, list[str]]:
    found = {kind: sorted(set(codes)) for kind, codes in (("manager", managers), ("district", districts))}
    if role is not Role.ACCOUNT_MANAGER and any(found.values()):
        raise TrueOrderError(f"territory: a user of role {role} has none; only an account manager has", "只有客户经理才有辖区")
    return found


def _known(tx: sa.Connection, shop: str | None, places: Mapping[str, list[str]]) -> None:
    """Raise TrueOrderError where the city has no such retailer, account manager or district: it would be a slip of the pen."""
    asked = {"retailer": (SHOPS.c.retailer_id, [shop] if shop else []), **{k: (KINDS[k], codes) for k, codes in places.items()}}
    for kind, (column, codes) in asked.items():
        there = set(tx.execute(sa.select(column).where(column.in_(codes)).distinct()).scalars()) if codes else set()
        if unknown := sorted(set(codes) - there):
            raise TrueOrderError(
                f'{kind} "{unknown[0]}": no retailer of the city has this; see retailers.csv',
                f"“{unknown[0]}”：没有零售户属于此编号，请核对零售户名单",
            )


def _put_places(tx: sa.Connection, user_id: int, places: Mapping[str, list[str]]) -> None:
    tx.execute(PLACES.delete().where(PLACES.c.user_id == user_id))
    rows = [{"user_id": user_id, "kind": kind, "code": code} for kind, codes in places.items() for code in codes]
    if rows:
        tx.execute(PLACES.insert(), rows)


def _told(places: Mapping[str, list[str]]) -> str:
    return "".join(f"; {kind}s {', '.join(codes)}" for kind, codes in places.items() if codes)


def _note(tx: sa.Connection, action: str, name: str, detail: str, *, by: str, at: datetime) -> None:
    audit.record(tx, action=action, subject=f"user {name}", detail=detail, by=by, at=at)
