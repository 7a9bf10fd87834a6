"""Answers to flags, and the flags they answer. Answers are only added; a retailer's are deleted only where they are to be forgotten."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from ordering import answers, conduct, frames, tables
from ordering.answers import Answer
from ordering.columns import Column, Kind
from ordering.database import audit, bulk
from ordering.database.connection import Database, new_id
from ordering.database.lookups import Among
from ordering.errors import StateError, TrueOrderError
from ordering.model import week_of

T = tables.flag_answers
FLAGS = tables.results["inflated"]


def give(db: Database, answer: Answer, *, order_id: str, brand_id: str, run_id: int, by: str, on: date, at: datetime) -> int:
    """Store an answer to a line that run `run_id` flagged, or that was answered before; gives its id.

    `on` is the local date: nights of later dates see the answer. `at` is UTC. Raises TrueOrderError where the answer does not hold
    together, StateError where the line was not flagged or somebody else answered it at the same moment.
    """
    line = _flagged_line(db, run_id, order_id, brand_id)
    answers.check(answer, line["order_date"])
    sunday = week_of(line["order_date"]) + timedelta(days=6)
    said = {
        "retailer_id": line["retailer_id"], "verdict": answer.verdict, "ground": answer.ground, "note": answer.note.strip(),
        "every_brand": answer.every_brand, "from_on": line["order_date"], "until_on": answer.until or sunday,
        "answered_on": on, "answered_at": at, "answered_by": by,
    }  # fmt: skip
    with db.writing() as tx:
        before = _said(tx, T.c.retailer_id == line["retailer_id"])
        measure = _measure(line, before)
        return _add(tx, said | measure, order_id, brand_id, action="flags.answer", detail=str(answer.verdict))


def withdraw(db: Database, answer_id: int, *, by: str, why: str, on: date, at: datetime) -> None:
    """Take an answer back: a row more, which says who did and why. What was said before it holds again.

    Raises StateError where there is no such answer, or it was taken back already; TrueOrderError where no reason is given.
    """
    if not why.strip():
        raise TrueOrderError("why: say why the answer is taken back", "请说明撤回答复的原因")
    with db.writing() as tx:
        found = _said(tx, sa.or_(T.c.answer_id == answer_id, T.c.withdraws == answer_id))
        if len(found) != 1 or found[0]["withdraws"] is not None:
            problem = f"answer {answer_id} was taken back already" if len(found) > 1 else f"there is no answer {answer_id}"
            chinese = f"第{answer_id}号答复已撤回" if len(found) > 1 else f"没有第{answer_id}号答复"
            raise StateError(f"{problem}; trueorder flags list shows those that hold", chinese)
        kept = {name: found[0][name] for name in ("retailer_id", "every_brand", "requested", "expected", "from_on", "until_on")}
        said = {
            "withdraws": answer_id,
            "verdict": "",
            "ground": "",
            "note": why.strip(),
            "answered_on": on,
            "answered_at": at,
            "answered_by": by,
        }
        _add(tx, kept | said, found[0]["order_id"], found[0]["brand_id"], action="flags.withdraw", detail=f"answer {answer_id}")


def forget(db: Database, retailer_id: str, *, by: str, why: str, at: datetime) -> int:
    """Delete every answer about a retailer, with notes and names, for good; gives how many. That it was done stays in the audit.

    Raises TrueOrderError where no reason is given, StateError where there is nothing to delete.
    """
    if not why.strip():
        raise TrueOrderError("why: say at whose wish the answers are deleted", "请说明应谁的要求删除答复")
    with db.writing() as tx:
        gone = tx.execute(T.delete().where(T.c.retailer_id == retailer_id)).rowcount
        if not gone:
            raise StateError(f"nothing was ever answered about retailer {retailer_id}", f"零售户{retailer_id}没有任何答复")
        audit.record(tx, action="flags.forget", subject=f"retailer {retailer_id}", detail=f"{gone} rows; {why.strip()}", by=by, at=at)
    return int(gone)


def _said(tx: sa.Connection, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(sa.select(T).where(*where).order_by(T.c.answer_id)).mappings()]


def _add(tx: sa.Connection, values: dict[str, Any], order_id: str, brand_id: str, *, action: str, detail: str) -> int:
    """One row more about a line, and its audit."""
    of_line = sa.and_(T.c.order_id == order_id, T.c.brand_id == brand_id)
    version = tx.execute(sa.select(sa.func.coalesce(sa.func.max(T.c.version), 0) + 1).where(of_line)).scalar_one()
    try:
        answer_id = new_id(tx, T, {"order_id": order_id, "brand_id": brand_id, "version": version, **values})
    except sa.exc.IntegrityError as error:
        raise StateError(
            f"order {order_id}, brand {brand_id}: somebody else answered at this moment; look, and answer again",
            f"订单{order_id}、品规{brand_id}：他人刚刚答复，请查看后再答复",
        ) from error
    audit.record(tx, action=action, subject=f"answer {answer_id}", detail=detail, by=values["answered_by"], at=values["answered_at"])
    return answer_id


def _flagged_line(db: Database, run_id: int, order_id: str, brand_id: str) -> dict[str, Any]:
    """The line as run `run_id` judged it; StateError where it did not judge it, or nobody has to answer for it."""
    same = (FLAGS.c.run_id == run_id, FLAGS.c.order_id == order_id, FLAGS.c.brand_id == brand_id)
    found = db.rows(sa.select(FLAGS).where(*same))
    if not found:
        raise StateError(
            f"run {run_id} judged no line of brand {brand_id} in order {order_id}; trueorder flags list shows those it flagged",
            f"夜间运行{run_id}没有订单{order_id}中品规{brand_id}的行",
        )
    answered = db.rows(sa.select(T.c.answer_id).where(T.c.order_id == order_id, T.c.brand_id == brand_id).limit(1))
    if not found[0]["flagged"] and not answered:
        raise StateError(
            f"order {order_id}, brand {brand_id}: run {run_id} did not flag this line; there is nothing to answer",
            f"订单{order_id}、品规{brand_id}：夜间运行{run_id}未标记此行，无需答复",
        )
    return found[0]


def _measure(line: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
    """What was asked, and the need set against it: that of the first answer to the line, for a later night's may hold that answer
    itself; else the night's, without what other explanations in force have added to it.
    """
    own = [row for row in before if (row["order_id"], row["brand_id"]) == (line["order_id"], line["brand_id"])]
    if own:
        return {name: own[0][name] for name in ("requested", "expected")}
    raised = 1.0
    for row in answers.in_force(pd.DataFrame(before, columns=T.c.keys())).to_dict("records"):
        covers = row["every_brand"] or row["brand_id"] == line["brand_id"]
        if row["verdict"] == "explained" and covers and row["from_on"] <= line["order_date"] <= row["until_on"]:
            raised = max(raised, factor(row["requested"], row["expected"]))
    return {"requested": line["requested"], "expected": line["expected"] / raised}


def factor(requested: float, expected: float) -> float:
    """How far an explanation raises the need: what was asked ÷ the need then estimated, at least 1."""
    return max(1.0, requested / expected) if expected > 0 else 1.0


KINDS = {
    Kind.SIGNED: ("answer_id", "withdraws"),
    Kind.TEXT: ("order_id", "brand_id", "retailer_id", "verdict", "ground", "note", "answered_by"),
    Kind.COUNT: ("requested",),
    Kind.NUMBER: ("expected",),
    Kind.DATE: ("from_on", "until_on", "answered_on"),
    Kind.BOOL: ("every_brand",),
}


def _rows(reader: bulk.Reader, *where: sa.ColumnElement[bool]) -> pd.DataFrame:
    """All rows of answers that `where` chooses, in the order in which they were given."""
    types = {name: bulk.arrow_type(Column(name, kind)) for kind, names in KINDS.items() for name in names}
    frame = reader.fetch(sa.select(*(T.c[name] for name in types)).where(*where), types).to_pandas(date_as_object=False)
    return frame.assign(withdraws=frame["withdraws"].astype("Int64")).sort_values("answer_id", ignore_index=True)


def read_answers(reader: bulk.Reader, before: date) -> pd.DataFrame:
    """The answers that a night of date `before` knows (conduct.ANSWERS): given, and not taken back, on earlier days."""
    held = answers.in_force(_rows(reader, T.c.answered_on < before))
    factors = [factor(q, n) for q, n in zip(held["requested"], held["expected"], strict=True)]
    return frames.conform(conduct.ANSWERS, held.assign(factor=factors), check=False)


def read_revisions(reader: bulk.Reader, first: date, last: date, *, before: date) -> pd.DataFrame:
    """conduct.REVISIONS of lines dated `first` to `last`: requests replaced on or before their order day, and before the day `before`.

    A request that a later import corrects is a correction, not a change of mind. Days are those of UTC.
    """
    t = tables.request_versions
    replaced_on = sa.func.date(t.c.superseded_at)  # both databases know it; CAST to DATE makes a number on SQLite
    most = {"retailer_id": "retailer_id", "requested": "most", "cap_seen": "cap_seen"}
    query = (
        sa.select(t.c.order_id, t.c.brand_id, *(sa.func.max(t.c[name]).label(label) for name, label in most.items()))
        .where(t.c.order_date >= first, t.c.order_date <= last, replaced_on <= t.c.order_date, replaced_on < sa.func.date(str(before)))
        .group_by(t.c.order_id, t.c.brand_id)
    )
    return reader.frame(query, conduct.REVISIONS)


def read_flags(
    reader: bulk.Reader, run_id: int, *, retailer: str | None, brand: str | None, manager: str | None, among: Among | None = None
) -> pd.DataFrame:
    """The lines that a run flagged, and those that were answered, the newest first, each with the answer that holds (missing: none).

    `among`: only of the retailers that somebody sees.
    """
    import pyarrow as pa

    shops = tables.contract["retailers"]
    every = {c.name: bulk.arrow_type(c) for c in frames.INFLATED.columns} | {"account_manager": pa.string()}
    chosen = [FLAGS.c[n] == v for n, v in (("retailer_id", retailer), ("brand_id", brand)) if v is not None]
    chosen += [shops.c.account_manager == manager] if manager is not None else []
    chosen += [among] if among is not None else []
    answered = sa.exists().where(T.c.order_id == FLAGS.c.order_id, T.c.brand_id == FLAGS.c.brand_id)
    query = (
        sa.select(*(FLAGS.c[name] for name in frames.INFLATED.names), shops.c.account_manager)
        .join(shops, shops.c.retailer_id == FLAGS.c.retailer_id)
        .where(FLAGS.c.run_id == run_id, sa.or_(FLAGS.c.flagged, answered), *chosen)
    )
    lines = reader.fetch(query, every).to_pandas(date_as_object=False)
    held = answers.in_force(_rows(reader, *([T.c.retailer_id == retailer] if retailer is not None else [])))
    said = held[["order_id", "brand_id", "answer_id", "verdict", "ground", "note", "until_on", "answered_on", "answered_by"]]
    both = lines.merge(said, on=["order_id", "brand_id"], how="left", validate="1:1")
    return both.sort_values(["order_date", "order_id", "brand_id"], ascending=[False, True, True], ignore_index=True)
