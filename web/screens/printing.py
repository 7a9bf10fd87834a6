"""Pages on paper: the rates of a page as PDF, all its rows, and the sheet that an account manager prints for a retailer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from jobs import breakdown
from jobs.breakdown import Asked, Breakdown
from jobs.exports import Source
from jobs.pdf import Column, Document
from jobs.report_words import word
from ordering.database import cells, privacy
from ordering.gaps import GAPS
from web import language
from web.api.headquarters import Rates
from web.api.pages import record, records
from web.problems import ProblemError
from web.screens import figures, shell
from web.screens.headquarters import Chosen, in_order, kept
from web.service import Here, Service

router = shell.router_of()
PDF = "application/pdf"
AT_ONCE = 10_000
"""Names that are looked up at once."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Listed:
    """A list to be printed: its title, what it is of (`beside`), its columns, its rows and their `total`, all as text."""

    title: str
    beside: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] | None = None


def answer(content: bytes, name: str) -> Response:
    """A PDF that is shown in the browser and saved under a name."""
    said = f"inline; filename*=UTF-8''{quote(f'{name}.pdf', safe='')}"
    return Response(content, media_type=PDF, headers={"Content-Disposition": said, "Cache-Control": "no-store"})


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
    return answer(printed(listed, dated=dated, foot=foot_of(source, lang), lang=lang), f"{listed.title} {found.at}")


def rates_list(own: Service, asked: Asked, chosen: Chosen, found: Breakdown, lang: language.Language) -> Listed:
    """The table of the page of rates with every row, in the page's order, and all together."""
    _ = language.texts(lang).gettext
    rows = records(in_order(found.rows, chosen))
    targets = any(row["fulfilment_rate_target"] is not None for row in rows)
    shown = figures.cartons if chosen.by == "retailer" else figures.cases
    names = _names(own, chosen.by, [str(row[chosen.by]) for row in rows])
    cells_of = _why if chosen.show == "why" else _rates
    columns = _columns(chosen, lang, targets)
    lines = [[*_called(row[chosen.by], chosen.by, names, _), *cells_of(row, shown, targets)] for row in rows]
    whole = record(found.whole)
    total = [_("Together"), "", *cells_of(whole, shown, targets)]
    return Listed(f"{_('Rates')} · {_by(chosen.by, _)}", _beside(own, asked, found, lang), columns, lines, total)


def _beside(own: Service, asked: Asked, found: Breakdown, lang: language.Language) -> str:
    """What the list is of: of which period, of whose retailers, within which values, in which units."""
    _ = language.texts(lang).gettext
    weeks = _("weeks of %(first)s to %(last)s") % {"first": found.first.isoformat(), "last": found.last.isoformat()}
    within = [
        f"{_dimension(name, _)}: {_called(value, name, _names(own, name, [str(value)]), _)[0]}" for name, value in asked.within.items()
    ]
    whose = [f"{_dimension(name, _)} {', '.join(sorted(values)) or figures.UNDEFINED}" for name, values in (asked.territory or {}).items()]
    units = _("quantities in cartons") if asked.by == "retailer" else _("quantities in cases")
    told = [f"{head} {'; '.join(said)}" for head, said in ((_("Your territory alone:"), whose), (_("Only"), within)) if said]
    return " · ".join([found.at, weeks, *told, units, _("changes in points, on the period before")])


Say = Callable[[str], str]


def _dimension(name: str, _: Say) -> str:
    """What a dimension is called."""
    return {
        "district": _("District"), "star": _("Level"), "price_class": _("Price class"), "manufacturer": _("Manufacturer"),
        "manager": _("Account manager"), "brand": _("Brand"), "retailer": _("Retailer"),
    }[name]  # fmt: skip


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


def _names(own: Service, dimension: str, ids: Sequence[str]) -> dict[str, str]:
    """The names of brands or retailers by id."""
    parts = (cells.names(own.db, dimension, ids[at : at + AT_ONCE]) for at in range(0, len(ids), AT_ONCE))
    return {id_: name for part in parts for id_, name in part.items()}


def _columns(chosen: Chosen, lang: language.Language, targets: bool) -> list[Column]:
    """The columns of the page, the number of a value beside its name."""
    _ = language.texts(lang).gettext
    if chosen.show == "why":
        heads = [_("Requested"), _("Allocated"), _("Gap"), *(word(name, lang) for name in GAPS)]
    else:
        target = [_("target")] if targets else []
        heads = [
            _("Requested"), _("Allocated"), _("True demand"), word("fulfilment_rate", lang), _("Change"), *target,
            word("demand_fulfilment_rate", lang), _("Change"), word("line_fill_rate", lang), _("Gap"),
        ]  # fmt: skip
    named = [Column(_dimension(chosen.by, _), 2.4), Column(_("Number"), 1.3)]
    strong = {_("Gap")} if chosen.show == "why" else {word(name, lang) for name in ("fulfilment_rate", "demand_fulfilment_rate")}
    return [*named, *(Column(head, figures=True, bold=head in strong) for head in heads)]


def _rates(row: Row, shown: Callable[[Any], str], targets: bool) -> list[str]:
    target = [figures.percent(row["fulfilment_rate_target"])] if targets else []
    return [
        *(shown(row[name]) for name in ("requested", "allocated", "demand")),
        figures.percent(row["fulfilment_rate"]), figures.points(row["fulfilment_rate_change"]), *target,
        figures.percent(row["demand_fulfilment_rate"]), figures.points(row["demand_fulfilment_rate_change"]),
        figures.percent(row["line_fill_rate"]), shown(row["gap"]),
    ]  # fmt: skip


def _why(row: Row, shown: Callable[[Any], str], targets: bool) -> list[str]:
    """The gap with its parts, each with its share."""
    gap = row["gap"]
    parts = [f"{shown(row[name])}\n{figures.percent(row[name] / gap if gap else None)}" if row[name] else "0" for name in GAPS]
    return [*(shown(row[name]) for name in ("requested", "allocated", "gap")), *parts]
