"""A night's suggestions as they are stored: each follows from its row, and is told, exported and explained in words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from allocation import suggest
from jobs import cli, exports, nightly
from ordering import database, frames, tables
from ordering.advice import DEPENDENCE, SUBSTITUTES
from ordering.database import lookups
from ordering.settings import Settings
from tests.allocation.recomputing import wrong
from tests.jobs.conftest import load_city

Made = tuple[Path, date]
INPUTS = ("demand", "cover_weeks", "since", "received", "need", "pack_multiple", "min_lot", "given")
"""Stored with every suggestion; the others only where there is such a count or limit."""


@pytest.fixture
def source(planned_city: database.Database, rules: Settings, tmp_path: Path) -> exports.Source:
    return exports.source(planned_city, rules, tmp_path / "h")


def test_every_suggestion_of_a_night_follows_from_its_own_row(source: exports.Source) -> None:
    rows = source.result("suggestions")
    assert rows[list(INPUTS)].notna().all().all()
    assert (rows["suggested"] > 0).sum() > 10
    assert {"COVER", "NO_COUNT", "ENOUGH"} <= {reason.split("+")[0] for reason in rows["reason"]}
    assert list(wrong(rows)) == []


@pytest.mark.parametrize("column", ["received", "cover_weeks", "demand", "need", "suggested"])
def test_an_input_that_was_not_the_one_used_is_noticed(source: exports.Source, column: str) -> None:
    """The control of the test above."""
    rows = source.result("suggestions").query("suggested > 0")
    assert len(list(wrong(rows.assign(**{column: rows[column] + 3})))) > len(rows) / 2


def test_suggestions_of_a_brand_never_come_to_more_than_is_left_of_it(source: exports.Source) -> None:
    known = source.known()
    rows = source.result("suggestions").groupby(["brand_id", "week"])["suggested"].sum().rename("suggested").reset_index()
    both = rows.merge(known.supply, on=["brand_id", "week"], how="inner", validate="1:1")
    assert len(both)
    assert (both["suggested"] <= both["available"]).all()


def test_the_export_of_inputs_tells_what_follows_from_them(source: exports.Source, tmp_path: Path) -> None:
    count = exports.export(source, "suggestion-inputs", tmp_path / "inputs.parquet")
    found = pd.read_parquet(tmp_path / "inputs.parquet")
    assert list(found.columns) == list(exports.COLUMNS["suggestion-inputs"])
    assert count == len(found) == len(source.result("suggestions"))
    assert (found["target"] == found["demand"] * found["cover_weeks"]).all()
    counted = found[found["counted"].notna()]
    stock = source.result("suggestions").loc[counted.index, "stock"]
    assert counted["on_hand"].tolist() == stock.tolist()
    assert (found["unmet"] == (found["need"] - found["suggested"]).clip(lower=0)).all()


def test_a_run_of_an_earlier_version_is_exported_and_told_with_gaps(
    source: exports.Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tables.results["suggestions"]
    nothing = dict.fromkeys([column.name for column in frames.SUGGESTIONS.columns[13:]])
    with source.db.writing() as tx:
        tx.execute(table.update().values(nothing))
    assert exports.export(source, "suggestion-inputs", tmp_path / "inputs.csv") == len(source.result("suggestions"))
    status, said, _ = trueorder(source, "explain", first_retailer(source), capsys=capsys)
    assert status == 0
    assert "–" in said


def test_a_business_format_that_no_shop_has_is_a_problem_of_the_night(
    sqlite_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    slip = rules.suggesting.model_copy(update={"format_factors": {"convinience": 2.0}})
    outcome = nightly.run(sqlite_city, made[1], rules.model_copy(update={"suggesting": slip}), history=tmp_path / "h")
    told = outcome.problems[outcome.problems["step"] == "suggest"]
    assert told["subject"].tolist() == ["convinience"]


# the command line


def trueorder(source: exports.Source, *words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Runs `trueorder suggestions …`: exit status, what it said, what it complained of."""
    try:
        cli.main(["--database", str(source.db.url), "suggestions", *words])
        status = 0
    except SystemExit as left:
        status = int(left.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def first_retailer(source: exports.Source) -> str:
    return str(source.result("suggestions")["retailer_id"].iloc[0])


def test_what_is_suggested_to_a_retailer_is_explained_brand_by_brand(source: exports.Source, capsys: pytest.CaptureFixture[str]) -> None:
    retailer = first_retailer(source)
    rows = source.result("suggestions", retailer_id=retailer)
    status, said, _ = trueorder(source, "explain", retailer, capsys=capsys)
    assert status == 0
    assert [line.split(":")[0] for line in said.splitlines()[:-1]] == rows["brand_id"].tolist()
    assert said.splitlines()[-1].startswith(f"{len(rows)} lines, run 1 of")
    brand = rows["brand_id"].iloc[0]
    status, said, _ = trueorder(source, "explain", retailer, brand, "--language", "zh", capsys=capsys)
    assert said.splitlines()[0] == f"{brand}: {suggest.words(rows.iloc[0], 'zh')}"


def test_substitutes_are_told_beside_the_brand_that_lacks(source: exports.Source, capsys: pytest.CaptureFixture[str]) -> None:
    rows = source.result("suggestions")
    two = rows[rows["retailer_id"] == first_retailer(source)].head(2)
    offered = pd.DataFrame([{
        "run_id": 1, "retailer_id": two["retailer_id"].iloc[0], "brand_id": two["brand_id"].iloc[0], "week": two["week"].iloc[0].date(),
        "substitute_id": two["brand_id"].iloc[1], "rank": 1, "quantity": 2, "own_share": 0.1, "peer_share": 0.3,
    }])  # fmt: skip
    table = tables.results["substitutes"]
    with source.db.writing() as tx:
        tx.execute(table.delete())
        tx.execute(table.insert(), offered.to_dict("records"))
    _, said, _ = trueorder(source, "explain", two["retailer_id"].iloc[0], capsys=capsys)
    first, second = said.splitlines()[:2]
    name = lookups.brand_names(source.db)[two["brand_id"].iloc[1]]
    assert f"Instead it can be offered 2 of {name} (30% of the price class at shops like this, 10% here)." in first
    assert "Instead" not in second


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("explain", "nobody"), 'retailer "nobody": there is no such retailer; import it, or correct the id'),
        (("explain", "{retailer}", "nothing"), 'brand "nothing": there is no such brand'),
        (("explain", "{retailer}", "--language", "fr"), 'language "fr": there are no texts in it; use en or zh'),
        (("dependence", "--language", "fr"), 'language "fr"'),
        (("explain", "{retailer}", "--run", "99"), "99"),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(
    source: exports.Source, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    retailer = first_retailer(source)
    status, _, complaint = trueorder(source, *(word.format(retailer=retailer) for word in words), capsys=capsys)
    assert (status, told in complaint) == (1, True), complaint
    assert "Traceback" not in complaint


def test_a_shop_without_suggestions_is_told_why(source: exports.Source, capsys: pytest.CaptureFixture[str]) -> None:
    retailer, table = first_retailer(source), tables.results["suggestions"]
    with source.db.writing() as tx:
        tx.execute(table.delete().where(table.c.retailer_id == retailer))
    status, _, complaint = trueorder(source, "explain", retailer, capsys=capsys)
    assert (status, f'retailer "{retailer}": run 1 suggests nothing' in complaint) == (1, True), complaint


def test_dependent_retailers_are_listed_by_manager_the_most_dependent_first(
    source: exports.Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = source.result("suggestions").drop_duplicates("retailer_id").head(4)
    warned = pd.DataFrame({
        "run_id": 1, "retailer_id": rows["retailer_id"], "brand_id": rows["brand_id"], "week": rows["week"].dt.date,
        "share": [0.4, 0.7, 0.5, 0.6], "purchased": [None, 0.2, 0.1, 0.3], "hhi": 0.3, "needed": 4, "suggested": 1,
    })  # fmt: skip
    table = tables.results["dependence"]
    with source.db.writing() as tx:
        tx.execute(table.delete())
        tx.execute(table.insert(), warned.astype(object).where(warned.notna(), None).to_dict("records"))
    order = rows["retailer_id"].iloc[[1, 3, 2, 0]].tolist()
    _, said, _ = trueorder(source, "dependence", "--to", str(tmp_path / "d.csv"), capsys=capsys)
    assert [line.split(":")[0] for line in said.splitlines()[:4]] == order
    assert "70%" in said.splitlines()[0]
    assert list(pd.read_csv(tmp_path / "d.csv").columns) == [*DEPENDENCE.names, "english", "chinese"]
    shops = source.known().retailers.set_index("retailer_id")["account_manager"]
    manager = shops[order[0]]
    _, said, _ = trueorder(source, "dependence", "--manager", manager, "--language", "zh", capsys=capsys)
    assert [line.split(":")[0] for line in said.splitlines()[:-1]] == [shop for shop in order if shops[shop] == manager]
    assert exports.export(source, "brand-dependence", tmp_path / "e.csv") == 4


def test_substitutes_and_dependence_of_a_night_are_stored_and_exported(made: Made, rules: Settings, tmp_path: Path, url: str) -> None:
    """With one brand cut to a few cartons, on either database."""
    folder = tmp_path / "city"
    folder.mkdir()
    for file in made[0].glob("*.csv"):
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        if file.stem == "brands":
            table = table.assign(price_class="2")
        if file.stem == "supply":
            now = table["week"] == str(made[1])
            table.loc[now & (table["brand_id"] == table.loc[now, "brand_id"].min()), "available"] = "3"
        table.to_csv(folder / file.name, index=False)
    db = load_city(url, folder, rules)
    told = rules.suggesting.model_copy(update={"dependence_share": 0.05})
    nightly.run(db, made[1], rules.model_copy(update={"suggesting": told}), history=tmp_path / "h")
    source = exports.source(db, rules, tmp_path / "h")
    rows, offered = source.result("suggestions"), source.result("substitutes")
    for table, name in ((SUBSTITUTES, "substitutes"), (DEPENDENCE, "dependence")):
        frames.validated(table, source.result(name))
    unmet = suggest.derived(rows).assign(retailer_id=rows["retailer_id"], brand_id=rows["brand_id"])
    unmet = unmet.set_index(["retailer_id", "brand_id"])["unmet"]
    sums = offered.groupby(["retailer_id", "brand_id"])["quantity"].sum()
    assert len(sums)
    assert (sums <= unmet[sums.index]).all()
    assert len(source.result("dependence"))
    assert list(wrong(rows)) == []
    for what in ("substitutes", "brand-dependence"):
        assert exports.export(source, what, tmp_path / f"{what}.csv") == len(source.result(exports.PLAIN[what]))
