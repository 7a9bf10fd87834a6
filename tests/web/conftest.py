"""The service over the made-up city with its night, and people of every role with their tokens; and over the desk's small city."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute
from starlette.testclient import TestClient

from jobs import exports
from ordering import database
from ordering.accounts import MAY, Role
from ordering.database import accounts
from ordering.settings import Settings
from tests.jobs.conftest import loaded, made, once, planned, rules  # noqa: F401
from tests.web import desks
from web import app as service

WHY = {"why": "a test"}
PASSWORD = "correct horse battery"
TOKENS = "tokens.json"
"""The file of a copied city's folder with the token of each person, where it has its people already."""


def local(settings: Settings) -> Settings:
    """The settings as on one's own machine, with passwords that are checked fast."""
    web = settings.web.model_copy(update={"insecure": True, "metrics_from": ("testclient",), "language": "en"})
    fast = settings.accounts.model_copy(update={"argon2_memory_kib": 8, "argon2_passes": 1})
    return settings.model_copy(update={"web": web, "accounts": fast})


def morning(made: tuple[Path, date]) -> datetime:  # noqa: F811
    """Noon of the waiting week's Monday in the city, UTC."""
    return datetime.combine(made[1], datetime.min.time()) + timedelta(hours=4)


_built: dict[int, BaseRoute] = {}
"""What the first application of this process made of each router."""


def app_of(*given: Any, **more: Any) -> FastAPI:
    """The application. FastAPI takes a fifth of a second to make ready what every application has: that is done once for all of them.
    The list of routes is the application's own."""
    app = service.app_of(*given, **more)
    routes = app.router.routes
    routes[:] = [_built.setdefault(id(one.original_router), one) if hasattr(one, "original_router") else one for one in routes]
    return app


class House:
    """The service, its database, its clock, and a token for each person."""

    def __init__(self, db: database.Database, settings: Settings, folder: Path, at: datetime) -> None:
        self.db, self.settings, self.at, self.folder = db, settings, at, folder
        self.tokens: dict[str, str] = {}
        self.own = self.foreign = ""
        self.app: FastAPI = app_of(db, settings, history=folder / "one-history", clock=lambda: self.at)

    def person(self, name: str, role: Role, **more: object) -> str:
        """Adds a user with a token; gives the name."""
        by = {"by": "tester", "at": self.at}
        accounts.add(self.db, name=name, role=role, password=None, rules=self.settings.accounts, **by, **more)  # type: ignore[arg-type]
        scopes = sorted(MAY[role]) if role is Role.SERVICE else []
        until = self.at + timedelta(days=30)
        self.tokens[name] = accounts.new_token(self.db, name, label="test", expires_at=until, scopes=scopes, **by)  # type: ignore[arg-type]
        return name


@pytest.fixture(scope="session")
def peopled(tmp_path_factory: pytest.TempPathFactory, planned: Path, made: tuple[Path, date], rules: Settings) -> Path:  # noqa: F811
    """A folder with the planned city, every second shop of another account manager and district, and its people, to be copied."""

    def make(folder: Path) -> date:
        shutil.copytree(planned, folder, dirs_exist_ok=True)
        shared_out(folder, made)
        with housed(folder, local(rules), morning(made)) as found:
            (folder / TOKENS).write_text(json.dumps(found.tokens), "utf-8")
        return made[1]

    return once(tmp_path_factory, "peopled", make)[0]


def shared_out(folder: Path, made: tuple[Path, date]) -> None:  # noqa: F811
    """Give every second shop of the city in a folder another account manager and district."""
    db = database.connect(f"sqlite:///{folder / 'one.db'}")
    with db.reading() as reader:
        shops = database.read_table(reader, "retailers")
    shops.loc[1::2, ["account_manager", "district"]] = ["M-other", "D-other"]
    database.store(db, {"retailers": shops}, folder="city", by="tester", at=morning(made))
    db.engine.dispose()


@pytest.fixture
def house(tmp_path: Path, peopled: Path, made: tuple[Path, date], rules: Settings) -> Iterator[House]:  # noqa: F811
    """The service over a copy of the city."""
    shutil.copytree(peopled, tmp_path / "city")
    with housed(tmp_path / "city", local(rules), morning(made)) as found:
        yield found


@pytest.fixture
def desk(schema_file: Path, tmp_path: Path) -> Iterator[House]:
    """The service over the desk's city at noon of its Thursday; nobody has come in yet."""
    shutil.copyfile(schema_file, tmp_path / "city.db")
    db = database.connect(f"sqlite:///{tmp_path / 'city.db'}", pool=4)
    desks.city(db)
    yield House(db, local(desks.RULES), tmp_path, desks.NOON)
    db.engine.dispose()


@contextmanager
def housed(folder: Path, settings: Settings, at: datetime) -> Iterator[House]:
    """The service over the city in a folder: two retailers of different managers, their managers, and one person of each other role."""
    db = database.connect(f"sqlite:///{folder / 'one.db'}", pool=4)
    found = House(db, settings, folder, at)
    shops = shops_of(db)
    first = next(iter(shops))
    second = next(name for name, manager in shops.items() if manager != shops[first])
    found.own, found.foreign = first, second
    if (folder / TOKENS).exists():
        found.tokens |= json.loads((folder / TOKENS).read_text("utf-8"))
    else:
        _settle(found, {first: shops[first], second: shops[second]})
    yield found
    db.engine.dispose()


def _settle(house: House, shops: dict[str, str]) -> None:
    """The people of two shops, whose managers are given, and one person of each other role."""
    first, second = shops
    house.person(first, Role.RETAILER)
    house.person(second, Role.RETAILER)
    house.person("manager", Role.ACCOUNT_MANAGER, managers=[shops[first]])
    house.person("colleague", Role.ACCOUNT_MANAGER, managers=[shops[first]])
    house.person("stranger", Role.ACCOUNT_MANAGER, managers=[shops[second]])
    for role in (Role.HEADQUARTERS, Role.ADMINISTRATOR, Role.SERVICE):
        house.person(str(role), role)


def shops_of(db: database.Database) -> dict[str, str]:
    """Retailers and their account managers."""
    with db.reading() as reader:
        shops = database.read_table(reader, "retailers")
    return dict(zip(shops["retailer_id"].astype("str"), shops["account_manager"].astype("str"), strict=True))


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    """A client without a person."""
    with TestClient(house.app, base_url="http://localhost", raise_server_exceptions=False) as found:
        yield found


def bearer(house: House, name: str) -> dict[str, str]:
    """The header by which a person shows its token."""
    return {"Authorization": f"Bearer {house.tokens[name]}"}


class Looks:
    """A person who looks at pages."""

    def __init__(self, client: TestClient, house: House, name: str = "headquarters") -> None:
        self.client, self.headers = client, bearer(house, name) | {"Accept": "text/html"}

    def page(self, path: str, status: int = 200, **asked: object) -> str:
        """The text of a page."""
        answer = self.client.get(path, headers=self.headers, params=asked or None)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text[:2000]
        return answer.text

    def send(self, path: str, status: int = 200, **said: object) -> str:
        """The answer to a form, as htmx sends it."""
        answer = self.client.post(path, headers=self.headers | {"HX-Request": "true"}, data=said)
        assert answer.status_code == status, answer.text[:2000]
        return answer.text


@pytest.fixture
def looks(client: TestClient, house: House) -> Looks:
    """Headquarters before its pages."""
    return Looks(client, house)


@pytest.fixture
def source(house: House) -> exports.Source:
    """The city's newest night."""
    return exports.source(house.db, house.settings, house.folder / "one-history")
