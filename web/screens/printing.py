"""Lists on paper: the rates of a page as PDF, all its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import breakdown
from jobs.breakdown import Asked, Breakdown
from jobs.exports import Source
from jobs.pdf import Column, Document
from jobs.report_words import UNDEFINED
from ordering.database import cells, privacy
from web import language
from web.api.headquarters import Rates
from web.api.pages import record, records
from web.problems import ProblemError
from web.screens import downloads, figures, rate_columns, shell
from web.screens.headquarters import Chosen, in_order, kept
from web.screens.rate_columns import DIMENSIONS, Kind, RateColumn
from web.service import Here, Service

router = shell.router_of()
Row = Mapping[str, Any]
Say = Callable[[str], str]
Write = Callable[[float | None], str]


@dataclass(frozen=True)
class Listed:
    """A list to be printed: its title, what it is of (`beside`), its columns, its rows and their `total`, all as text."""

    title: str
    beside: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] | None = None


def printed(listed: Listed, *, dated: datetime, foot: str, lang: language.Language) -> bytes:
    """A list over as many pages as it takes."""
    to = Document(listed.title, beside=listed.beside, dated=dated, foot=foot, language=lang, landscape=len(listed.columns) > 6)
    to.table(listed.columns, listed.rows, total=listed.total)
    return to.done()


def foot_of(source: Source, lang: language.Language) -> str:
    """What stands on every page: the city, and the night that found the figures."""
    _ = language.texts(lang).gettext
    night = _("night of %(night)s, run %(run)s") % {"night": source.run.business_date.isoformat(), "run": source.run.run_id}
    return f"{source.settings.city.name} · {night}"


@router.get("/rates.pdf")
def rates(request: Request, own: Here, person: Rates, chosen: Annotated[Chosen, Query()]) -> Response:
    """The rates of the page under the same filter, every row, as a PDF."""
    source, lang = own.source(), language.of(request)
    asked = kept(chosen, person)
    found = breakdown.breakdown(source, asked)
    if found is None:
        raise ProblemError("NOT_FOUND")
    if chosen.by == "retailer" or chosen.retailer is not None:
        privacy.note_access(own.db, person=person, what="print rates", at=own.clock())
    listed = rates_list(own, asked, chosen, found, lang)
    dated = source.run.finished_at or source.run.started_at
    content = printed(listed, dated=dated, foot=foot_of(source, lang), lang=lang)
    return downloads.held(content, f"{listed.title} {found.at}", "pdf", is_shown=True)


def rates_list(own: Service, asked: Asked, chosen: Chosen, found: Breakdown, lang: language.Language) -> Listed:
    """The table of the page of rates with every row, in the page's order, and all together."""
    _ = language.texts(lang).gettext
    rows = records(in_order(found.rows, chosen))
    has_targets = any(row["fulfilment_rate_target"] is not None for row in rows)
    shown = [one for one in rate_columns.listed(chosen, lang) if one.head and (one.kind is not Kind.TARGET or has_targets)]
    names = cells.names(own.db, chosen.by, [str(row[chosen.by]) for row in rows])
    quantity = figures.cartons if chosen.by == "retailer" else figures.cases
    lines = [[*_called(row[chosen.by], chosen.by, names, _), *(_cell(row, one, quantity) for one in shown)] for row in rows]
    total = [_("Together"), "", *(_cell(record(found.whole), one, quantity) for one in shown)]
    named = [Column(_(DIMENSIONS[chosen.by]), 2.4), Column(_("Number"), 1.3)]
    columns = [*named, *(Column(one.head, figures=True, bold=one.is_main) for one in shown)]
    return Listed(f"{_('Rates')} · {_by(chosen.by, _)}", _beside(own, asked, found, lang), columns, lines, total)


def _cell(row: Row, column: RateColumn, quantity: Write) -> str:
    """A figure as it is printed; a part of the gap with its share of it."""
    value, gap = row[column.name], row["gap"]
    if column.kind is Kind.CAUSE:
        return f"{quantity(value)}\n{figures.percent(value / gap if gap else None)}" if value else "0"
    write = {Kind.QUANTITY: quantity, Kind.CHANGE: figures.points}.get(column.kind, figures.percent)
    return write(value)


def _beside(own: Service, asked: Asked, found: Breakdown, lang: language.Language) -> str:
    """What the list is of: of which period, of whose retailers, within which values, in which units."""
    _ = language.texts(lang).gettext
    weeks = _("weeks of %(first)s to %(last)s") % {"first": found.first.isoformat(), "last": found.last.isoformat()}
    names = {name: cells.names(own.db, name, [str(value)]) for name, value in asked.within.items()}
    within = [f"{_(DIMENSIONS[name])}: {_called(value, name, names[name], _)[0]}" for name, value in asked.within.items()]
    whose = [f"{_(DIMENSIONS[name])} {', '.join(sorted(values)) or UNDEFINED}" for name, values in (asked.territory or {}).items()]
    units = _("quantities in cartons") if asked.by == "retailer" else _("quantities in cases")
    told = [f"{head} {'; '.join(said)}" for head, said in ((_("Your territory alone:"), whose), (_("Only"), within)) if said]
    return " · ".join([found.at, weeks, *told, units, _("changes in points, on the period before")])


def _by(dimension: str, _: Say) -> str:
    """By what rates are broken down."""
    return {
        "district": _("By district"), "star": _("By level"), "price_class": _("By price class"), "manufacturer": _("By manufacturer"),
        "manager": _("By account manager"), "brand": _("By brand"), "retailer": _("By retailer"),
    }[dimension]  # fmt: skip


def _called(value: object, dimension: str, names: Mapping[str, str], _: Say) -> tuple[str, str]:
    """What a value of a dimension is called, and its number where it has another name."""
    text = str(value)
    if dimension == "star":
        return _("level %(level)s") % {"level": text}, ""
    if dimension == "price_class":
        return _("class %(number)s") % {"number": text}, ""
    return (names[text], text) if names.get(text, text) != text else (text, "")
