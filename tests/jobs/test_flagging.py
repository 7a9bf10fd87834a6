"""Flags and their answers from end to end: seen by later nights alone, part of what a night is given, told in words to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from forecasting import demand, habits, inflation
from jobs import cli, exports, flagging
from ordering import conduct, database, snapshot
from ordering.answers import GROUNDS, Verdict
from ordering.errors import TrueOrderError
from ordering.settings import Settings

Made = tuple[Path, date]
AT = datetime(2026, 9, 1, 4, 0)


@pytest.fixture
def source(planned_city: database.Database, rules: Settings, tmp_path: Path) -> exports.Source:
    return exports.source(planned_city, rules, tmp_path / "h")


def answer(source: exports.Source, row: pd.Series, *, on: date, verdict: str = "explained", ground: str = "banquet") -> int:
    return flagging.answer(
        source, row["order_id"], row["brand_id"], verdict=verdict, ground=ground, note="seen", every_brand=False, until=None, by="Wang",
        on=on, at=AT,
    )  # fmt: skip


def test_a_night_sees_what_was_answered_before_its_date_and_is_another_night_for_it(
    source: exports.Source, made: Made, rules: Settings
) -> None:
    first = flagging.listed(source).iloc[0]
    plain = source.known()
    answer(source, first, on=made[1])
    assert snapshot.of_snapshot(source.known()) == snapshot.of_snapshot(plain), "an answer of the day itself is not seen by its night"
    answer(source, first, on=made[1] - timedelta(days=1), verdict="mistaken", ground="data_wrong")
    told = source.known()
    assert snapshot.of_snapshot(told) != snapshot.of_snapshot(plain)
    estimate = demand.estimate(plain, rules.demand)
    flags = {"before": inflation.flag(plain, estimate, rules.inflation), "after": inflation.flag(told, estimate, rules.inflation)}
    line = flags["after"].set_index(["order_id", "brand_id"]).loc[(first["order_id"], first["brand_id"])]
    assert (bool(line["flagged"]), "mistaken" in line["reason"]) == (False, True)
    shown = {
        name: habits.measure(plain, table, estimate.shape.weeks, rules.habits).set_index("retailer_id").loc[first["retailer_id"]]
        for name, table in flags.items()
    }
    assert (shown["before"]["mistaken"], shown["after"]["mistaken"]) == (0, 1)
    assert shown["after"]["rate"] < shown["before"]["rate"]


def test_flags_are_listed_by_shop_brand_and_manager_with_their_reasons_in_words(source: exports.Source, tmp_path: Path) -> None:
    every = flagging.listed(source)
    inflated = source.result("inflated")
    assert len(every) == inflated["flagged"].sum() > 0
    first = every.iloc[0]
    chosen = flagging.listed(source, brand=first["brand_id"], manager=first["account_manager"])
    assert len(chosen) == ((every["brand_id"] == first["brand_id"]) & (every["account_manager"] == first["account_manager"])).sum()
    assert every["english"].str.len().min() > 20
    assert every["chinese"].str.contains("[\u4e00-\u9fff]").all()
    answer(source, first, on=date(2026, 9, 1))
    left = flagging.listed(source, open_only=True)
    assert len(left) == len(every) - 1
    whole = flagging.listed(source)
    assert whole.loc[0, ["verdict", "ground", "answered_by"]].tolist() == ["explained", "banquet", "Wang"]
    assert flagging.write(whole, tmp_path / "flags.csv") == len(every)
    assert list(pd.read_csv(tmp_path / "flags.csv").columns) == list(flagging.COLUMNS)


def test_habits_and_signals_are_exported_as_they_are_stored_with_sentences(source: exports.Source, tmp_path: Path) -> None:
    for what, table in (("habits", conduct.HABITS), ("signals", conduct.SIGNALS)):
        count = exports.export(source, what, tmp_path / f"{what}.parquet")
        found = pd.read_parquet(tmp_path / f"{what}.parquet") if count else pd.DataFrame(columns=list(exports.COLUMNS[what]))
        assert list(found.columns) == [*table.names, "english", "chinese"]
        assert count == len(source.result(what))
    shown = source.result("habits")
    lines = source.result("inflated")
    assert shown["flagged"].sum() == lines["flagged"].sum()
    beside = shown[["lines", "unknown", "echoes", "probes", "explained"]].sum().sum()
    assert beside >= (lines["requested"] > 0).sum()


def test_an_answer_that_cannot_be_is_refused_in_words(source: exports.Source) -> None:
    first = flagging.listed(source).iloc[0]
    with pytest.raises(TrueOrderError, match='verdict "excused": there is no such; there are explained, mistaken, confirmed'):
        answer(source, first, on=date(2026, 9, 1), verdict="excused")


# the command line


@pytest.fixture
def flags(source: exports.Source, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `trueorder flags …` on the planned city: exit status, what it said, what it complained of."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(["flags", *words, "--database", source.db.url.render_as_string()])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return run


def test_a_flag_is_answered_taken_back_and_forgotten_at_the_command_line(flags: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = flags("list")
    assert status == 0
    words = out.splitlines()[0].split()
    order_id, brand_id, retailer_id = words[2], words[4], words[6]
    given = ("--by", "Wang", "--verdict", "explained", "--reason", "banquet", "--note", "婚宴")
    assert flags("answer", order_id, brand_id, *given)[:2] == (
        0, f"answer 1 to order {order_id}, brand {brand_id}: explained; taken back by: trueorder flags withdraw 1\n",
    )  # fmt: skip
    assert "answer 1: explained" in flags("list", "--retailer", retailer_id)[1]
    assert f"order {order_id}  brand {brand_id}" not in flags("list", "--open", "--retailer", retailer_id)[1]
    assert flags("withdraw", "1", "--by", "Li", "--why", "wrong shop")[0] == 0
    status, _, error = flags("withdraw", "1", "--by", "Li", "--why", "wrong shop")
    assert (status, "answer 1 was taken back already" in error) == (1, True)
    assert flags("forget", retailer_id, "--by", "Li", "--why", "its wish")[1] == f"2 rows about retailer {retailer_id} were deleted\n"


def test_an_answer_at_the_command_line_that_does_not_fit_says_what_would(flags: Callable[..., tuple[int, str, str]]) -> None:
    given = ("--by", "Wang", "--verdict", "mistaken", "--reason", "data_wrong", "--note", "x")
    status, _, error = flags("answer", "nobody", "B1", *given)
    assert status == 1
    assert "judged no line of brand B1 in order nobody; trueorder flags list shows those it flagged" in error
    assert flags("answer", "nobody")[0] == 2


def test_all_verdicts_and_reasons_can_be_read_at_the_command_line(flags: Callable[..., tuple[int, str, str]]) -> None:
    out = flags("words")[1]
    assert all(f"{word}" in out for word in [*Verdict, *GROUNDS])
