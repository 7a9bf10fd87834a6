"""The demo of which the guides show pictures: made as `make demo` does, smaller, and with what people write down in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from jobs import clock as clocks
from jobs import exports, flagging, loading, nightly, publish, reviewing
from jobs.exports import Source
from jobs.runs import quiet
from ordering import database, sample, settings, tables
from ordering.accounts import Role
from ordering.answers import Verdict
from ordering.complaints import Entry, Subject
from ordering.database import complaints, demo, surveys, visits
from ordering.model import Decision
from ordering.review import Filter
from ordering.satisfaction import Aspect, Survey
from ordering.settings import Settings

SHOPS, BRANDS, WEEKS, SEED = 300, 24, 56, 1
NIGHT, MORNING = time(2), time(10, 30)
"""Local times of the night, and of the pictures: within the hours in which the demo's retailer orders."""
DATABASE, HISTORY = "demo.db", "history"
WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "survey": "紧俏烟到货时间能不能提前说一声。", "late": "周三的货周五才到，周末断了两天。", "broken": "一条烟的外包装压破了。",
        "followed": "已联系物流部门，本周起改走二号线，上午送到。", "closed": "已换货，零售户确认收到。",
        "visit": "门口修路到月底，客流少了三成。建议紧俏品规照常，其余按建议量减一成。", "again": "说下周新开的工地食堂要货，到时再看。",
        "banquet": "附近周末有三场喜宴，现场看过请柬。", "hold": "门口修路，店主说本周少要一些。",
    },
    "en": {
        "survey": "Could you tell us earlier when short brands arrive?", "late": "Wednesday's goods came on Friday: two days without.",
        "broken": "The wrapping of one carton was crushed.",
        "followed": "Spoke to logistics: from this week on the second tour delivers in the morning.",
        "closed": "Exchanged; the retailer has it.",
        "visit": "The road is dug up all month, a third fewer customers. Short brands as usual, a tenth less of the others.",
        "again": "A canteen of a building site opens next week: look again then.",
        "banquet": "Three weddings nearby at the weekend; saw the invitations.",
        "hold": "The road is dug up; the owner wants less this week.",
    },
}  # fmt: skip
"""What people write, in the language of the pictures."""


@dataclass(frozen=True)
class City:
    """A demo in a folder: its planned week's Monday, its users by role."""

    folder: Path
    db: database.Database
    rules: Settings
    week: date
    people: Mapping[Role, str]

    @property
    def at(self) -> datetime:
        """When the pictures are taken, UTC."""
        return _utc(self.rules, self.week, MORNING)

    def source(self) -> Source:
        """What the night found."""
        return exports.source(self.db, self.rules, self.folder / HISTORY)


def local() -> Settings:
    """The settings as on one's own machine, with one origin of the forecasts, which no picture shows."""
    rules = settings.load()
    web = rules.web.model_copy(update={"insecure": True})
    forecast = rules.forecast.model_copy(update={"origins": 1})
    return rules.model_copy(update={"web": web, "forecast": forecast})


def make(folder: Path) -> None:
    """Make up the city, load it, run its night, publish what may be published, invite users; nothing where the folder has one already."""
    if (folder / DATABASE).exists():
        return
    rules = local()
    week = sample.write_city(folder / "city", retailers=SHOPS, brands=BRANDS, weeks=WEEKS, seed=SEED, truth=folder / "truth").cutoff
    db = database.connect(f"sqlite:///{folder / DATABASE}")
    database.migrate(db)
    with clock_at(_utc(rules, week, NIGHT)):
        loading.load(db, folder / "city", rules, mapping=None, by="demo.administrator", at=clocks.now(), progress=quiet)
        nightly.run(db, week, rules, history=folder / HISTORY, by="scheduler")
        publish.publish(db, rules, history=folder / HISTORY, clock=clocks.now(), by="scheduler")
        demo.invite(db, at=clocks.now(), rules=rules.accounts)
    db.engine.dispose()


def opened(folder: Path) -> City:
    """The demo of a folder."""
    db = database.connect(f"sqlite:///{folder / DATABASE}", pool=8)
    week = date.fromisoformat((folder / "truth" / "cutoff.txt").read_text("utf-8").strip())
    return City(folder, db, local(), week, {one.role: one.name for one in demo.visitors(db)})


def furnish(city: City, language: str) -> None:
    """Write down what people say and do, in a language."""
    said = WORDS[language]
    own = _territory(city)
    _say(city, said)
    _visit(city, said, own)
    _answer_a_flag(city, said, own)
    _decide(city, said, own)


def _utc(rules: Settings, on: date, at: time) -> datetime:
    return datetime.combine(on, at, ZoneInfo(rules.city.time_zone)).astimezone(UTC).replace(tzinfo=None)


@contextmanager
def clock_at(at: datetime) -> Iterator[None]:
    """The program's clock set to an instant while the block lasts."""
    os.environ[clocks.AHEAD] = str((at - datetime.now(UTC).replace(tzinfo=None)).total_seconds())
    yield
    del os.environ[clocks.AHEAD]


def _territory(city: City) -> list[str]:
    """The retailers of the demo's account manager, its own retailer first."""
    shops = tables.contract["retailers"].c
    first = city.people[Role.RETAILER]
    code = sa.select(shops.account_manager).where(shops.retailer_id == first).scalar_subquery()
    found = city.db.rows(sa.select(shops.retailer_id).where(shops.account_manager == code).order_by(shops.retailer_id))
    return [first, *(row["retailer_id"] for row in found if row["retailer_id"] != first)]


def _say(city: City, said: Mapping[str, str]) -> None:
    """Surveys of a third of all retailers, and complaints of some."""
    shops = city.db.rows(sa.select(tables.contract["retailers"].c.retailer_id).order_by("retailer_id"))
    first = city.people[Role.RETAILER]
    for number, shop in enumerate(row["retailer_id"] for row in shops):
        if number % 3 == 0 and shop != first:
            scores = {aspect: 5 - (number // 3 + 2 * place) % 4 for place, aspect in enumerate(Aspect) if (number + place) % 7}
            surveys.answer(city.db, Survey(scores, ""), retailer_id=shop, by=shop, on=city.week, at=city.at - timedelta(hours=1))
    manager = city.people[Role.ACCOUNT_MANAGER]
    goods = _complain(city, first, Subject.GOODS, said["broken"], days=9)
    complaints.add(city.db, goods, Entry.CLOSED, said["closed"], by=manager, at=city.at - timedelta(days=7))
    late = _complain(city, first, Subject.DELIVERY, said["late"], days=3)
    complaints.add(city.db, late, Entry.FOLLOW_UP, said["followed"], by=manager, at=city.at - timedelta(days=2))
    for shop in _territory(city)[1:3]:
        _complain(city, shop, Subject.SUPPLY, said["survey"], days=1)
    survey = Survey(dict(zip(Aspect, (4, 4, 5, 3, 4), strict=True)), said["survey"])
    surveys.answer(city.db, survey, retailer_id=first, by=first, on=city.week, at=city.at - timedelta(hours=1))


def _complain(city: City, shop: str, subject: Subject, text: str, *, days: int) -> int:
    return complaints.begin(city.db, retailer_id=shop, subject=subject, text=text, by=shop, at=city.at - timedelta(days=days))


def _visit(city: City, said: Mapping[str, str], own: list[str]) -> None:
    """A visit some weeks ago, and one of another retailer that is to be followed up today."""
    by: dict[str, Any] = {"by": city.people[Role.ACCOUNT_MANAGER], "today": city.week, "at": city.at, "settles": False}
    for shop, days, note in ((flagged(city), 28, "visit"), (own[1], 7, "again")):
        visited, again = city.week - timedelta(days=days), city.week if note == "again" else None
        visits.write(city.db, shop, note=said[note], on=visited, follow_up_on=again, **by)


def _answer_a_flag(city: City, said: Mapping[str, str], own: list[str]) -> None:
    """One flag of the territory is answered, of the retailer that has most of them."""
    open_ones = flagging.listed(city.source(), open_only=True)
    open_ones = open_ones[open_ones["retailer_id"].isin(own)]
    shop = flagged(city)
    line = open_ones[open_ones["retailer_id"] == shop].iloc[-1]
    flagging.answer(
        city.source(), line["order_id"], line["brand_id"], verdict=Verdict.EXPLAINED, ground="banquet", note=said["banquet"],
        every_brand=False, until=None, by=city.people[Role.ACCOUNT_MANAGER], on=city.week, at=city.at,
    )  # fmt: skip


def flagged(city: City) -> str:
    """The retailer of the territory with the most flags."""
    found = flagging.listed(city.source())
    return str(found[found["retailer_id"].isin(_territory(city))]["retailer_id"].value_counts(sort=True).index[0])


def _decide(city: City, said: Mapping[str, str], own: list[str]) -> None:
    """The suggestions of one retailer are accepted, one of another is changed."""
    by: dict[str, Any] = {"by": city.people[Role.ACCOUNT_MANAGER], "clock": city.at}
    reviewing.decide(city.source(), Filter(retailer=own[2]), Decision.ACCEPTED, **by)
    lines = reviewing.listed(city.source(), Filter(retailer=own[1]))
    loose = sa.select(tables.contract["brands"].c.brand_id).where(tables.contract["brands"].c.pack_multiple == 1)
    lines = lines[lines["brand_id"].isin(row["brand_id"] for row in city.db.rows(loose))].reset_index(drop=True)
    most = lines.loc[lines["suggested"].idxmax()]
    reviewing.decide(
        city.source(), Filter(retailer=own[1], brand=str(most["brand_id"])), Decision.ADJUSTED, quantity=int(most["suggested"]) // 2,
        code="local_event", why=said["hold"], **by,
    )  # fmt: skip


def short_brand(city: City) -> str:
    """The short brand that is asked for most."""
    lines, wares = tables.contract["order_lines"].c, tables.contract["brands"].c
    asked = sa.select(lines.brand_id).join(tables.contract["brands"], wares.brand_id == lines.brand_id)
    most = (
        asked.where(wares.supply_attribute == "tight")
        .group_by(lines.brand_id)
        .order_by(sa.func.sum(lines.requested).desc(), lines.brand_id)
    )
    return str(city.db.rows(most.limit(1))[0]["brand_id"])
