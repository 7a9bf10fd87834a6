"""The review from end to end: by command, held within the night's bounds, prefilled, exported, and edited elsewhere."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import time_machine

from jobs import exports, nightly, publish, reviewing
from ordering import database
from ordering.errors import StateError, TrueOrderError
from ordering.model import Decision
from ordering.review import SHOWN, Filter
from ordering.settings import Settings
from tests.jobs.test_cli import trueorder

Made = tuple[Path, date]


@pytest.fixture
def source(planned_city: database.Database, rules: Settings, tmp_path: Path) -> exports.Source:
    return exports.source(planned_city, rules, tmp_path / "h")


def early(made: Made) -> datetime:
    """A time, UTC, when no order day of the planned week is closed."""
    return datetime.combine(made[1], datetime.min.time()) - timedelta(hours=6)


def decide(source: exports.Source, of: Filter, made: Made, how: Decision = Decision.ACCEPTED, **more: object) -> reviewing.Done:
    return reviewing.decide(source, of, how, by="Wang", clock=early(made), **more)  # type: ignore[arg-type]


def test_the_cut_off_that_freezes_is_the_one_that_publishes(rules: Settings, made: Made) -> None:
    for hours in range(0, 240, 5):
        clock = early(made) + timedelta(hours=hours, minutes=1)
        last = publish.closed_until(rules, clock)
        assert publish.has_closed(last, rules, clock)
        assert not publish.has_closed(last + timedelta(days=1), rules, clock)


def test_every_night_leaves_room_for_what_it_suggests(source: exports.Source) -> None:
    rows = source.result("suggestions")
    bound = rows["most"].notna()
    assert bound.any()
    assert (rows.loc[bound, "suggested"] <= rows.loc[bound, "most"]).all()
    assert (rows["bound"].astype("str") != "").eq(bound).all()


def test_what_is_accepted_prefills_the_form_and_stands_in_the_export(source: exports.Source, made: Made, tmp_path: Path) -> None:
    lines = reviewing.listed(source, Filter())
    first = lines[lines["suggested"] > 0].iloc[0]
    of = Filter(retailer=first["retailer_id"])
    day = first["order_day"].date()
    assert reviewing.recommended(source, first["retailer_id"], day).empty
    done = decide(source, of, made)
    own = lines[(lines["retailer_id"] == first["retailer_id"]) & (lines["suggested"] > 0)]
    found = reviewing.recommended(source, first["retailer_id"], day)
    assert dict(zip(found["brand_id"], found["quantity"], strict=True)) == dict(zip(own["brand_id"], own["suggested"], strict=True))
    exports.export(source, "suggestions", tmp_path / "s.csv")
    told = pd.read_csv(tmp_path / "s.csv", dtype={"retailer_id": "str"})
    assert list(told.columns) == list(exports.COLUMNS["suggestions"])
    assert (told["decision"] == "accepted").sum() == done.lines
    assert (told.loc[told["decision"] == "accepted", "decided_qty"] == told.loc[told["decision"] == "accepted", "suggested"]).all()
    assert told.loc[told["decision"] == "open", "decided_qty"].isna().all()
    reviewing.undo(source, done.batch_id, by="Wang", why="slip", clock=early(made))
    assert reviewing.recommended(source, first["retailer_id"], day).empty


def test_a_recommendation_orders_nothing(source: exports.Source, made: Made, rules: Settings, tmp_path: Path) -> None:
    """What is confirmed hangs on requests alone, whatever was decided."""

    def confirmed() -> list[tuple[date, int, int]]:
        late = datetime.combine(made[1] + timedelta(days=9), datetime.min.time())
        done = publish.publish(source.db, rules, history=tmp_path / "h", clock=late, by="x")
        return [(one.order_day, one.lines, one.cartons) for one in done]

    proposed = source.result("allocation")
    decide(source, Filter(), made)
    got = confirmed()
    assert (sum(lines for _, lines, _ in got), sum(cartons for *_, cartons in got)) == (len(proposed), proposed["allocated"].sum())


def test_frozen_days_are_left_out_and_counted(source: exports.Source, made: Made) -> None:
    lines = reviewing.listed(source, Filter())
    first = lines["order_day"].min().date()
    noon = datetime.combine(first, datetime.min.time()) + timedelta(hours=13)
    closed = int((lines["order_day"] <= pd.Timestamp(first)).sum())
    assert reviewing.preview(source, Filter(), noon)[::2] == (len(lines) - closed, closed)
    done = reviewing.decide(source, Filter(), Decision.ACCEPTED, by="Wang", clock=noon)
    assert (done.lines, done.frozen) == (len(lines) - closed, closed)
    with pytest.raises(StateError, match="the cut-off of the order day has passed"):
        reviewing.decide(source, Filter(day=first), Decision.ACCEPTED, by="Wang", clock=noon)


def test_a_decision_survives_the_night_that_follows(source: exports.Source, made: Made, rules: Settings, tmp_path: Path) -> None:
    last = reviewing.listed(source, Filter())["order_day"].max().date()
    done = decide(source, Filter(day=last), made)
    assert done.lines
    nightly.run(source.db, made[1] + timedelta(days=1), rules, history=tmp_path / "h")
    after = exports.source(source.db, rules, tmp_path / "h")
    assert after.run.run_id != source.run.run_id
    lines = reviewing.listed(after, Filter(day=last, state="accepted"))
    assert len(lines) == done.lines
    within = lines["most"].isna() | (lines["final"] <= lines["most"].fillna(0)).to_numpy()
    assert within.all()
    assert set(lines["basis"]) <= {"same", "other"}


def test_a_list_edited_elsewhere_is_taken_over_by_its_versions(source: exports.Source, made: Made, tmp_path: Path) -> None:
    file = tmp_path / "review.csv"
    assert reviewing.write(reviewing.listed(source, Filter()), file) > 0
    told = pd.read_csv(file, dtype="str", keep_default_na=False)
    assert list(told.columns) == list(SHOWN)
    some = (told["most"] == "") | (pd.to_numeric(told["most"], errors="coerce") >= 1)
    chosen = told[some].index[:2]
    told.loc[chosen, ["final", "code", "note"]] = ["1", "other", "seen on the shelf"]
    told.to_csv(file, index=False)
    done = reviewing.adjust_from(source, file, by="Wang", clock=early(made))
    assert done.lines == 2
    found = reviewing.listed(source, Filter(state="adjusted"))
    assert (found["override"] == 1).all()
    assert (found["note"] == "seen on the shelf").all()
    told.loc[chosen, "final"] = "0"
    told.to_csv(file, index=False)
    with pytest.raises(StateError, match="Wang decided meanwhile"):
        reviewing.adjust_from(source, file, by="Li", clock=early(made))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column retailer_id, brand_id, order_day, version, final"),
        ("retailer_id,brand_id,order_day,version,final\nR1,B1,2026-03-03,0,many\n", 'final "many" is no whole number'),
        ("retailer_id,brand_id,order_day,version,final\nR1,B1,soon,0,1\n", 'order_day "soon" is no date'),
        ("retailer_id,brand_id,order_day,version,final\nR1,B1,2020-03-03,0,1\n", 'retailer_id "R1" has no such line in run 1'),
        ("retailer_id,brand_id,order_day,version,final\n", "no quantity was changed"),
    ],
)
def test_an_edited_list_that_cannot_be_used_is_told_in_words(
    source: exports.Source, made: Made, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "review.csv"
    file.write_text(text)
    with pytest.raises(TrueOrderError) as error:
        reviewing.adjust_from(source, file, by="Wang", clock=early(made))
    assert message in str(error.value)


def test_the_review_by_command(planned_city: database.Database, made: Made, tmp_path: Path) -> None:
    url = str(planned_city.url)
    with time_machine.travel(early(made), tick=False):

        def say(*words: object) -> str:
            ran = trueorder("review", *words, cwd=tmp_path, url=url)
            assert ran.returncode == 0, ran.stderr
            return ran.stdout

        def refused(*words: object) -> str:
            ran = trueorder("review", *words, cwd=tmp_path, url=url)
            assert ran.returncode == 1
            return ran.stderr

        lines = pd.read_csv(tmp_path / "a.csv", dtype="str") if say("list", "--to", "a.csv") else None
        assert lines is not None
        assert "nothing was written" in say("accept", "--all", "--by", "Wang", "--dry-run")
        assert "which lines? Give --retailer" in refused("accept", "--by", "Wang")
        assert f"batch 1: {len(lines):,} lines accepted" in say("accept", "--all", "--by", "Wang")
        assert "has no such line" in refused("accept", "--all", "--by", "Wang")
        assert "accepted" in say("list", "--state", "accepted")
        row = lines.iloc[0]
        one = (row["retailer_id"], row["brand_id"])
        assert "give a retailer, a brand and a number of cartons" in refused("adjust", *one, "--by", "Li")
        assert "batch 2: 1 lines adjusted" in say("adjust", *one, 0, "--by", "Li", "--reason", "stock_differs")
        assert "batch 2 came after batch 1; undo that first" in refused("undo", 1, "--by", "Wang", "--why", "slip")
        say("undo", 2, "--by", "Li", "--why", "slip")
        assert "are what they were before" in say("undo", 1, "--by", "Wang", "--why", "slip")
        assert "none of its lines waits" in refused("approve", 1, "--by", "Zhao")
        assert 'state "done": there is no such' in refused("list", "--state", "done")
        assert "资金不足" in say("words")


def test_large_changes_wait_for_a_second_person_by_command(planned_city: database.Database, made: Made, tmp_path: Path) -> None:
    (tmp_path / "trueorder.toml").write_text("[review]\nfour_eyes_cartons = 0\n")
    url = str(planned_city.url)
    with time_machine.travel(early(made), tick=False):
        said = trueorder("review", "reject", "--all", "--reason", "retailer_declines", "--by", "Wang", cwd=tmp_path, url=url)
        assert "pending until another person approves: trueorder review approve 1" in said.stdout
        assert "another person must approve" in trueorder("review", "approve", 1, "--by", "WANG", cwd=tmp_path, url=url).stderr
        assert "batch 2" in trueorder("review", "approve", 1, "--by", "Zhao", cwd=tmp_path, url=url).stdout
