"""The sheet that an account manager prints for a retailer: what is suggested and why, what caps and quotas leave, the strategy for its
level, and its rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from jobs import shop_sheet
from jobs.advising import COLUMNS
from jobs.pdf import NOTE, SIDE, Column, Document, Style
from jobs.report_words import word
from ordering.accounts import Permission, Person
from ordering.database import lookups
from ordering.fulfilment import RATES
from web import language
from web.api.orders import RetailerId, looked
from web.api.pages import record, records
from web.orders import Offer, Sheet
from web.people import may
from web.problems import ProblemError
from web.screens import downloads, figures, shell
from web.service import Here, Service

router = shell.router_of()
Reads = Annotated[Person, may(Permission.READ_SUGGESTIONS)]
LINES, CAPS = 12, 45
"""Suggestions, and caps of other brands, that one page of paper holds."""
TRIES = ((7.6, LINES), (7.0, LINES), (6.4, LINES), (6.4, 8))
"""Sizes of type and numbers of suggestions, the first with which everything stands on one page."""


@dataclass(frozen=True)
class SheetLine:
    """A suggestion, its reason in words, and the offer of its brand (None: not on offer on the order day that comes)."""

    line: Mapping[str, Any]
    words: str
    offer: Offer | None


@dataclass(frozen=True)
class ShopSheet:
    """What one page holds of a retailer. `more` and `more_caps`: how many suggestions and caps it has no room for. `caps`: of brands that
    have no line, short ones first. `whole`: its rates in the month `at`, None where it never asked. `told_at` is UTC."""

    retailer: Mapping[str, Any]
    sheet: Sheet
    lines: Sequence[SheetLine]
    more: int
    caps: Sequence[Offer]
    more_caps: int
    at: str | None
    whole: Mapping[str, Any] | None
    night: date
    run_id: int
    told_at: datetime


def sheet_of(own: Service, retailer_id: str, lang: language.Language) -> ShopSheet:
    """What is printed for a retailer. Raises ProblemError where there is no such one."""
    shop = lookups.retailer(own.db, retailer_id)
    if shop is None:
        raise ProblemError("NOT_FOUND")
    source, now = own.source(), own.clock()
    sheet = own.desk.sheet(retailer_id, now=now)
    offers = {offer.brand_id: offer for offer in sheet.offers}
    found, rates = records(shop_sheet.lines(source, retailer_id)), shop_sheet.rates(source, retailer_id)
    lines = [SheetLine(row, row[COLUMNS[lang]], offers.get(row["brand_id"])) for row in found[:LINES]]
    listed = {line.line["brand_id"] for line in lines}
    caps = [offer for offer in sheet.offers if offer.cap is not None and offer.brand_id not in listed]
    caps.sort(key=lambda offer: (offer.supply_attribute != "tight", -(offer.cap or 0), offer.brand_id))
    return ShopSheet(
        retailer=shop, sheet=sheet, lines=lines, more=len(found) - len(lines), caps=caps[:CAPS], more_caps=max(len(caps) - CAPS, 0),
        at=rates.at if rates else None, whole=record(rates.whole) if rates else None,
        night=source.run.business_date, run_id=source.run.run_id, told_at=now,
    )  # fmt: skip


@router.get("/retailers/{retailer_id}/sheet")
def page(request: Request, retailer_id: RetailerId, own: Here, person: Reads) -> Response:
    """The sheet as a page for the printer."""
    looked(own, person, retailer_id, "printed sheet")
    return shell.show(request, "manager/sheet.html", sheet_of(own, retailer_id, language.of(request)))


@router.get("/retailers/{retailer_id}/sheet.pdf")
def pdf(request: Request, retailer_id: RetailerId, own: Here, person: Reads) -> Response:
    """The same as a PDF of one page."""
    looked(own, person, retailer_id, "printed sheet")
    lang = language.of(request)
    found = sheet_of(own, retailer_id, lang)
    _ = language.texts(lang).gettext
    name = f"{_('Sheet for the retailer')} {retailer_id} {found.sheet.order_day.isoformat()}"
    return downloads.held(made(own, found, lang), name, "pdf", is_shown=True)


def made(own: Service, found: ShopSheet, lang: language.Language) -> bytes:
    """The sheet as a PDF: of one page, in smaller type or with fewer suggestions where its words are long."""
    for size, most in TRIES:
        left_out = max(len(found.lines) - most, 0)
        drawn = _drawn(own, replace(found, lines=found.lines[:most], more=found.more + left_out), lang, size)
        if drawn.pages == 1:
            break
    return drawn.done()


def _drawn(own: Service, found: ShopSheet, lang: language.Language, size: float) -> Document:
    to = _headed(own, found, lang)
    _ = language.texts(lang).gettext
    to.facts(_facts(found, lang))
    to.heading(f"{_('What is suggested')} · {_('cartons')}")
    if found.lines:
        to.table(_columns(lang), [_row(one) for one in found.lines], size=size)
    else:
        to.prose(_("The newest night suggests nothing to this shop."))
    if found.more:
        to.prose(_("Suggestions without room here: %(more)s.") % {"more": found.more}, NOTE)
    _strategy(to, found, lang)
    to.prose(_("Caps are ceilings. What is suggested is a recommendation: the shop orders what it needs."), NOTE)
    return to


def _headed(own: Service, found: ShopSheet, lang: language.Language) -> Document:
    """The document with its title and frame."""
    _ = language.texts(lang).gettext
    shop = found.retailer
    level = _("level %(level)s") % {"level": found.sheet.star_level}
    manager = f"{_('Account manager')} {shop['account_manager']}"
    told = _("as of %(at)s") % {"at": shell.local(found.told_at, ZoneInfo(own.settings.city.time_zone), "%Y-%m-%d %H:%M")}
    night = _("night of %(night)s, run %(run)s") % {"night": found.night.isoformat(), "run": found.run_id}
    return Document(
        str(shop["name"]), dated=found.told_at, language=lang, foot=f"{own.settings.city.name} · {night} · {told}",
        beside=f"{shop['retailer_id']} · {level} · {shop['district']} · {shop['street']} · {manager}",
    )  # fmt: skip


def _facts(found: ShopSheet, lang: language.Language) -> list[tuple[str, str]]:
    """What stands on top: the order day, what is left of the totals, and the month's rates."""
    _ = language.texts(lang).gettext
    sheet, whole = found.sheet, found.whole
    top = [
        (_("Order day"), sheet.order_day.isoformat()), (_("Left of the day's limit"), figures.cartons(sheet.day_left)),
        (_("Left of the month's quota"), figures.cartons(sheet.total_left)), (_("Level"), str(sheet.star_level)),
    ]  # fmt: skip
    if whole is None:
        return top
    asked = f"{figures.cartons(whole['requested'])} / {figures.cartons(whole['allocated'])}"
    changes = {name: figures.points(whole[f"{name}_change"]) for name in RATES}
    rates = [(f"{word(name, lang)} {found.at}", f"{figures.percent(whole[name])}  {changes[name]}") for name in RATES]
    return [*top, (f"{_('Asked / given, cartons')} {found.at}", asked), *rates]


def _columns(lang: language.Language) -> list[Column]:
    _ = language.texts(lang).gettext
    heads = {
        _("Asked"): 1.0, _("Suggested"): 1.5, _("Decided"): 1.3, _("Cap of my level"): 1.25, _("Left of the cap"): 1.2,
        _("Left of the month"): 1.25,
    }  # fmt: skip
    figured = [Column(head, share, figures=True, bold=head == _("Suggested")) for head, share in heads.items()]
    return [Column(_("Brand"), 2.4), *figured, Column(_("Reason"), 8.2)]


def _row(one: SheetLine) -> list[str]:
    line, offer = one.line, one.offer
    left = [None] * 3 if offer is None else [offer.cap, offer.cap_left, offer.quota_left]
    quantities = (line["requested"], line["suggested"], line["final"], *left)
    return [f"{line['brand_name']} {line['brand_id']}", *map(figures.cartons, quantities), one.words]


def _strategy(to: Document, found: ShopSheet, lang: language.Language) -> None:
    """The caps of other brands in three columns, as many as the page has room for."""
    if not found.caps:
        return
    _ = language.texts(lang).gettext
    said = _("Strategy of the week for level %(level)s: cap of each further brand, cartons")
    to.heading(said % {"level": found.sheet.star_level}, keep=0)
    style, third = Style(7.6), to.wide / 3
    rows = max(min(-(-len(found.caps) // 3), int((to.room - 12) / style.leading)), 0)
    for at, offer in enumerate(found.caps[: rows * 3]):
        x, y = SIDE + at // rows * third, to.y + at % rows * style.leading
        to.put(x, y, f"{offer.name}{' · ' + _('short') if offer.supply_attribute == 'tight' else ''}", style)
        to.put(x, y, figures.cartons(offer.cap), Style(7.6, bold=True), right=x + third - 8)
    to.space(rows * style.leading + 1.5)
    if more := found.more_caps + len(found.caps) - min(rows * 3, len(found.caps)):
        to.prose(_("Brands with a cap without room here: %(more)s.") % {"more": more}, NOTE)
