"""Laws of the made-up city, read back from the files it is written to."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ordering import frames, sample_names, settings
from ordering.errors import TrueOrderError
from ordering.importing import Stored, read_folder
from ordering.sample import KINDS, SampleCity, write_city
from tests.factories import SHARED

TEXT = {"retailer_id": str, "brand_id": str, "order_id": str, "month": str}
SMALL = {"retailers": 60, "brands": 14, "weeks": 26}
TRADEMARKS = (
    "中华", "云烟", "玉溪", "红塔山", "利群", "黄鹤楼", "芙蓉王", "白沙", "双喜", "南京", "苏烟", "七匹狼", "泰山", "黄山", "娇子", "真龙",
    "贵烟", "长白山", "黄金叶", "钻石", "好猫", "兰州", "金圣", "红旗渠", "大前门", "牡丹", "中南海", "红河", "万宝路", "熊猫", "荷花",
    "宽窄", "冬虫夏草", "五叶神", "石林", "庐山",
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A city that was written, read back by file."""

    city: SampleCity
    folder: Path
    truth: Path

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv", dtype=TEXT)

    def demand(self) -> pd.DataFrame:
        return pd.read_parquet(self.truth / "demand.parquet")

    def lines(self) -> pd.DataFrame:
        """The lines with what was published about them: week, month, level, scopes, cap, pack."""
        lines = self.read("order_lines").assign(order_date=lambda f: pd.to_datetime(f["order_date"]))
        lines["week"] = lines["order_date"] - pd.to_timedelta(lines["order_date"].dt.day_of_week, unit="D")
        lines["month"] = lines["week"].dt.strftime("%Y-%m")
        shops = self.read("retailers").drop(columns=["star_level"])
        lines = lines.merge(self.read("star_levels"), on=["retailer_id", "month"], how="left", validate="m:1")
        lines = lines.merge(shops, on="retailer_id", how="left", validate="m:1")
        lines = lines.merge(self.read("brands"), on="brand_id", how="left", validate="m:1", suffixes=("", "_brand"))
        return self._with_caps(lines.reset_index(drop=True))

    def _with_caps(self, lines: pd.DataFrame) -> pd.DataFrame:
        """The cap in force, by the row with most scopes, doubled for fortnightly shops; missing where there is none."""
        rows = self.read("release_strategy").assign(week=lambda f: pd.to_datetime(f["week"]))
        rows[["district", "area_type"]] = rows[["district", "area_type"]].astype("str").fillna("")
        lines["cap"] = np.nan
        for district, area in (("", ""), ("*", ""), ("", "*"), ("*", "*")):
            part = rows[((rows["district"] != "") == (district != "")) & ((rows["area_type"] != "") == (area != ""))]
            key = ["brand_id", "week", "star_level", *(["district"] if district else []), *(["area_type"] if area else [])]
            found = lines[key].merge(part[[*key, "cap"]], on=key, how="left", validate="m:1")["cap"]
            lines["cap"] = found.where(found.notna(), lines["cap"].to_numpy()).to_numpy()
        lines["cap"] *= lines["visit_every_weeks"]
        return lines


def written(folder: Path, *, truth: bool = True, **more: object) -> Written:
    inside = folder / "truth" if truth else None
    city = write_city(folder / "city", truth=inside, **{**SMALL, **more})  # type: ignore[arg-type]
    return Written(city, folder / "city", folder / "truth")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(tmp_path_factory.mktemp("mixed"), retailers=220, brands=24, weeks=60, seed=3)


@pytest.fixture(scope="module")
def mixed_lines(mixed: Written) -> pd.DataFrame:
    return mixed.lines()


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    """A small city of every kind."""
    return {kind: written(tmp_path_factory.mktemp(kind), kind=kind) for kind in KINDS}


def over_bounds(city: Written, lines: pd.DataFrame) -> list[str]:
    """The bounds that some allocation breaks, by name; empty where all hold."""
    given = lines[lines["allocated"].notna()]
    broken = []
    if (given["allocated"] > given["requested"]).any():
        broken.append("requested")
    if (given["allocated"] > given["cap"].fillna(np.inf)).any():
        broken.append("cap")
    if (given["allocated"] % given["pack_multiple"]).any():
        broken.append("pack")
    supply = city.read("supply").assign(week=lambda f: pd.to_datetime(f["week"]))
    weekly = given.groupby(["brand_id", "week"], as_index=False)["allocated"].sum()
    weekly = weekly.merge(supply, on=["brand_id", "week"], how="left", validate="1:1")
    if (weekly["allocated"] > weekly["available"].fillna(np.inf)).any():
        broken.append("supply")
    return broken + _over_totals(city, given)


def _over_totals(city: Written, given: pd.DataFrame) -> list[str]:
    broken = []
    daily = given.groupby(["retailer_id", "order_date", "star_level"], as_index=False)["allocated"].sum()
    if (daily.merge(city.read("daily_limits"), on="star_level", validate="m:1").eval("allocated > limit")).any():
        broken.append("limit")
    quotas = city.read("monthly_quotas")
    own, total = quotas[quotas["brand_id"].notna()], quotas[quotas["brand_id"].isna()].drop(columns="brand_id")
    by_brand = given.groupby(["retailer_id", "brand_id", "month", "star_level"], as_index=False)["allocated"].sum()
    by_brand = by_brand.merge(own, on=["brand_id", "month", "star_level"], how="left", validate="m:1")
    by_month = given.groupby(["retailer_id", "month", "star_level"], as_index=False)["allocated"].sum()
    by_month = by_month.merge(total, on=["month", "star_level"], how="left", validate="m:1")
    bands = city.read("band_caps").assign(week=lambda f: pd.to_datetime(f["week"]))
    by_class = given.groupby(["retailer_id", "week", "star_level", "price_class"], as_index=False)["allocated"].sum()
    by_class = by_class.merge(bands, on=["week", "star_level", "price_class"], how="left", validate="m:1")
    for name, table, bound in (("quota", by_brand, "quota"), ("total", by_month, "quota"), ("band", by_class, "cap")):
        if (table["allocated"] > table[bound].fillna(np.inf)).any():
            broken.append(name)
    return broken


def test_no_allocation_exceeds_request_cap_pack_quota_limit_band_or_supply(mixed: Written, mixed_lines: pd.DataFrame) -> None:
    assert over_bounds(mixed, mixed_lines) == []


def test_every_bound_cuts_some_line_so_that_the_law_above_is_not_empty(mixed: Written, mixed_lines: pd.DataFrame) -> None:
    lines = mixed_lines
    given = lines[lines["allocated"].notna()]
    assert (given["allocated"] == given["cap"]).any()
    assert (given["allocated"] < given[["requested", "cap"]].min(axis=1)).any()
    assert mixed.read("monthly_quotas")["brand_id"].notna().any()
    assert len(mixed.read("band_caps"))


@pytest.mark.parametrize("bound", ["requested", "cap", "pack", "supply", "limit", "quota", "total"])
def test_one_carton_too_many_is_noticed(mixed: Written, mixed_lines: pd.DataFrame, bound: str) -> None:
    lines = mixed_lines.copy()
    past = lines["allocated"].notna()
    if bound == "pack":
        at = lines[past & (lines["pack_multiple"] > 1)].index[0]
        lines.loc[at, "allocated"] = 1
    else:
        capped = lines[past & lines["cap"].notna()]
        quotas = mixed.read("monthly_quotas")
        own = capped[capped["brand_id"].isin(quotas["brand_id"].dropna())]
        lines.loc[own.index[0], "allocated"] = 100_000
    assert bound in over_bounds(mixed, lines)


def test_caps_are_whole_and_never_higher_for_a_lower_level(cities: dict[str, Written]) -> None:
    for city in cities.values():
        caps = city.read("release_strategy").fillna("")
        wide = caps.pivot(index=["brand_id", "week", "district", "area_type"], columns="star_level", values="cap")
        assert wide.notna().all(axis=None)
        assert (wide.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
        assert caps["cap"].dtype == np.int64


def test_nothing_is_given_to_a_shop_while_it_is_held(mixed: Written, mixed_lines: pd.DataFrame) -> None:
    lines, holds = mixed_lines, mixed.read("holds")
    assert len(holds)
    for hold in holds.itertuples():
        within = lines["order_date"].between(hold[3], hold[4]) & (lines["retailer_id"] == hold.retailer_id)
        brand = within if pd.isna(hold.brand_id) else within & (lines["brand_id"] == hold.brand_id)
        assert lines.loc[brand, "allocated"].fillna(0).sum() == 0


def test_the_waiting_week_alone_waits_and_every_week_has_orders(mixed: Written, mixed_lines: pd.DataFrame) -> None:
    lines = mixed_lines
    waiting = lines["week"] == pd.Timestamp(mixed.city.cutoff)
    assert waiting.any()
    assert (lines["allocated"].isna() == waiting).all()
    assert lines["week"].nunique() == 60
    assert lines["week"].max() == pd.Timestamp(mixed.city.cutoff)
    assert pd.to_datetime(mixed.read("stock_counts")["counted_on"]).max() < pd.Timestamp(mixed.city.cutoff)
    assert pd.to_datetime(mixed.read("scanned_sales")["week"]).max() < pd.Timestamp(mixed.city.cutoff)


def test_shops_order_on_their_day_in_weeks_they_are_open_what_is_on_sale(mixed_lines: pd.DataFrame) -> None:
    lines = mixed_lines
    assert (lines["order_date"].dt.day_of_week + 1 == lines["order_weekday"]).all()
    assert not (lines["order_date"] < pd.to_datetime(lines["active_from"])).any()
    assert not (lines["order_date"] > pd.to_datetime(lines["active_to"])).any()
    assert not (lines["order_date"] < pd.to_datetime(lines["launched_on"])).any()
    assert not (lines["order_date"] >= pd.to_datetime(lines["withdrawn_on"])).any()
    assert (lines.groupby("order_id")[["retailer_id", "order_date"]].nunique() == 1).all(axis=None)
    assert not (lines["cap"] == 0).any()


def test_a_shop_visited_every_second_week_never_orders_in_two_weeks_running(mixed_lines: pd.DataFrame) -> None:
    lines = mixed_lines
    weeks = lines[lines["visit_every_weeks"] == 2].groupby("retailer_id")["week"].unique()
    assert len(weeks)
    for each in weeks:
        gaps = np.diff(np.sort(pd.DatetimeIndex(each).to_numpy())).astype("timedelta64[D]").astype(int)
        assert (gaps % 14 == 0).all()


def fingerprint(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path: Path, format: str) -> None:
    first, again = (written(tmp_path / name, format=format) for name in ("first", "again"))
    other = written(tmp_path / "other", format=format, seed=2)
    assert fingerprint(first.folder) == fingerprint(again.folder)
    assert fingerprint(first.truth) == fingerprint(again.truth)
    differing = {name for name, print_ in fingerprint(other.folder).items() if fingerprint(first.folder).get(name) != print_}
    assert {f"order_lines.{format}", f"retailers.{format}", f"supply.{format}", f"release_strategy.{format}"} <= differing


def test_asking_for_the_truth_changes_nothing_of_the_city(tmp_path: Path) -> None:
    known, unknown = written(tmp_path / "known"), written(tmp_path / "unknown", truth=False)
    assert fingerprint(known.folder) == fingerprint(unknown.folder)
    assert not unknown.truth.exists()


def test_parquet_and_csv_hold_the_same_city(tmp_path: Path) -> None:
    texts, binary = (tmp_path / "csv", tmp_path / "parquet")
    rows = write_city(texts, **SMALL).rows
    assert write_city(binary, format="parquet", **SMALL).rows == rows
    for name in rows:
        left, right = pd.read_csv(texts / f"{name}.csv", dtype=str), pd.read_parquet(binary / f"{name}.parquet")
        assert list(left.columns) == list(right.columns)
        assert len(left) == len(right) == rows[name]
    asked = pd.read_csv(texts / "order_lines.csv")["requested"].to_numpy()
    assert (asked == pd.read_parquet(binary / "order_lines.parquet")["requested"].to_numpy()).all()


def test_the_truth_covers_the_waiting_week_and_eleven_more(mixed: Written) -> None:
    assert (mixed.truth / "cutoff.txt").read_text("utf-8").strip() == mixed.city.cutoff.isoformat()
    tight = pd.read_parquet(mixed.truth / "tight.parquet")
    assert list(tight.columns) == sorted(mixed.read("brands")["brand_id"])
    assert len(tight) == 60 + 11
    assert tight.index[59] == pd.Timestamp(mixed.city.cutoff)
    assert tight.dtypes.eq(bool).all()
    demand = mixed.demand()
    assert {name: str(kind) for name, kind in demand.dtypes.items()} == {
        "t": "int16", "retailer_id": "str", "brand_id": "str", "demand": "float32", "rate": "float32",
    }  # fmt: skip
    assert set(demand["t"]) == set(range(71))
    assert not demand.duplicated(["t", "retailer_id", "brand_id"]).any()
    habits = pd.read_csv(mixed.truth / "habits.csv", dtype=str)
    assert list(habits["retailer_id"]) == list(mixed.read("retailers")["retailer_id"])


def test_true_lines_stand_in_the_order_of_the_city_and_go_on_after_it(mixed: Written) -> None:
    lines, truth = mixed.read("order_lines"), pd.read_parquet(mixed.truth / "lines.parquet")
    seen = truth[truth["t"] <= 59]
    for column in ("order_id", "retailer_id", "brand_id", "requested"):
        assert (seen[column].to_numpy() == lines[column].to_numpy()).all()
    assert truth["t"].max() == 70
    assert not truth.duplicated(["order_id", "brand_id"]).any()


def test_realised_demand_scatters_about_its_rate(mixed: Written) -> None:
    demand = mixed.demand()
    assert demand["demand"].sum() == pytest.approx(demand["rate"].sum(), rel=0.01)
    residual = (demand["demand"] - demand["rate"]) / np.sqrt(demand["rate"] + 0.12 * demand["rate"] ** 2)
    assert residual.std() == pytest.approx(1, abs=0.03)


def test_honest_retailers_are_never_inflated_and_others_are(mixed: Written) -> None:
    truth = pd.read_parquet(mixed.truth / "lines.parquet")
    habit = pd.read_csv(mixed.truth / "habits.csv", dtype=str).set_index("retailer_id")["habit"]
    honest = truth["retailer_id"].map(habit) == "honest"
    assert not truth.loc[honest, "inflated"].any()
    assert (truth.loc[honest, "requested"] - truth.loc[honest, "need"]).abs().max() <= 1
    assert truth.loc[~honest, "inflated"].mean() > 0.1
    inflated = truth[truth["inflated"]]
    assert (inflated["requested"] > 1.5 * inflated["need"] + 2).all()


def fulfilment(city: Written) -> float:
    lines = city.read("order_lines").dropna(subset="allocated")
    return float(lines["allocated"].sum() / lines["requested"].sum())


def inflated_share(city: Written) -> float:
    return float(pd.read_parquet(city.truth / "lines.parquet")["inflated"].mean())


def tight_share(city: Written) -> float:
    """Of the brand-weeks on sale, the share that was tight."""
    tight = pd.read_parquet(city.truth / "tight.parquet").to_numpy()
    demand = city.demand()
    brands = sorted(city.read("brands")["brand_id"])
    live = np.zeros(tight.shape, bool)
    live[demand["t"].to_numpy(), np.searchsorted(brands, demand["brand_id"].to_numpy(str))] = True
    assert not tight[~live].any()
    return float(tight[live].mean())


def test_kinds_are_what_they_say(cities: dict[str, Written]) -> None:
    assert fulfilment(cities["honest_ample"]) > 0.97
    assert tight_share(cities["honest_ample"]) == 0
    assert fulfilment(cities["honest_short"]) < 0.75
    assert inflated_share(cities["honest_short"]) == inflated_share(cities["honest_ample"]) == 0
    assert tight_share(cities["always_short"]) == 1
    assert 0 < tight_share(cities["mixed"]) < 1
    assert inflated_share(cities["inflating"]) > inflated_share(cities["mixed"]) > 0.02
    assert (cities["churn"].read("brands")[["launched_on", "withdrawn_on"]].notna().any(axis=1)).mean() > 0.3


def test_without_evidence_there_are_no_scans_and_no_counts(cities: dict[str, Written]) -> None:
    bare = cities["no_evidence"]
    assert {"scanned_sales", "stock_counts"} <= set(cities["mixed"].city.rows)
    assert not {"scanned_sales", "stock_counts"} & set(bare.city.rows)
    assert not list(bare.folder.glob("s*_sales.*")) + list(bare.folder.glob("stock_*"))


def test_stubborn_and_held_out_habits_are_in_their_own_kind_alone(cities: dict[str, Written]) -> None:
    for kind, city in cities.items():
        habits = set(pd.read_csv(city.truth / "habits.csv", dtype=str)["habit"])
        unseen, stubborn = {habit for habit in habits if habit.startswith("unseen")}, habits & {"ratchet", "ring", "anchored"}
        assert (len(unseen) > 1 and habits == unseen | {"honest"}) if kind == "unseen" else not unseen
        assert (len(stubborn) == 3 and habits == stubborn | {"honest"}) if kind == "stubborn" else not stubborn


def test_in_every_kind_who_counts_as_honest_is_never_inflated_and_where_others_order_some_lines_are(cities: dict[str, Written]) -> None:
    for city in cities.values():
        lines = pd.read_parquet(city.truth / "lines.parquet")
        habit = pd.read_csv(city.truth / "habits.csv", dtype=str).set_index("retailer_id")["habit"]
        honest = lines["retailer_id"].map(habit) == "honest"
        assert not lines.loc[honest, "inflated"].any()
        assert honest.all() or lines.loc[~honest, "inflated"].mean() > 0.01


def test_resellers_buy_what_their_customers_do_not_want(cities: dict[str, Written]) -> None:
    city = cities["resellers"]
    habit = pd.read_csv(city.truth / "habits.csv", dtype=str).set_index("retailer_id")["habit"]
    brands = city.read("brands")
    prone = brands.loc[brands["resale_prone"], "brand_id"]
    lines = city.read("order_lines")
    lines = lines[lines["brand_id"].isin(prone)]
    bought = lines.groupby(lines["retailer_id"].map(habit))["allocated"].sum()
    demand = city.demand()
    demand = demand[demand["brand_id"].isin(prone) & (demand["t"] < 25)]
    wanted = demand.groupby(demand["retailer_id"].map(habit))["demand"].sum()
    assert bought["reseller"] / wanted["reseller"] > 1.3 * bought["honest"] / wanted["honest"]


def test_the_importer_takes_every_kind(cities: dict[str, Written]) -> None:
    nothing = Stored(
        frames.empty(frames.RETAILERS), frames.empty(frames.BRANDS), pd.DatetimeIndex([]), frames.empty(frames.RELEASE_STRATEGY)
    )
    for city in cities.values():
        checked = read_folder(city.folder, nothing, settings.load().importing)
        assert {name: len(table) for name, table in checked.tables.items() if len(table)} == dict(city.city.rows)
        assert checked.notes == ()


def test_every_file_of_the_contract_is_in_a_mixed_city(mixed: Written) -> None:
    assert set(mixed.city.rows) == set(frames.CONTRACT)
    for name, rows in mixed.city.rows.items():
        assert len(mixed.read(name)) == rows


def test_names_are_distinct_chinese_and_no_trademark(mixed: Written) -> None:
    shops, brands = mixed.read("retailers"), mixed.read("brands")
    for table in (shops, brands):
        assert table["name"].is_unique
        assert not table["name"].str.contains("[A-Za-z]").any()
    assert not any(mark in name for name in brands["name"] for mark in TRADEMARKS)
    assert not any(mark in name for name in sample_names.BRAND_NAMES for mark in TRADEMARKS)
    assert shops["retailer_id"].str.startswith("0").any()
    assert shops.groupby("street")["district"].nunique().max() == 1
    assert (shops["name"].str.contains("店）")).mean() < 0.1


def test_streets_are_distinct_in_a_city_of_any_size() -> None:
    streets = sample_names.streets(np.random.default_rng(1), [number % 3 == 0 for number in range(4_000)])
    assert len(set(streets)) == 4_000


def test_a_name_is_numbered_only_when_it_repeats() -> None:
    assert sample_names.distinct(["利民店", "鑫源店", "利民店", "利民店"], 4) == ["利民店", "鑫源店", "利民店（二店）", "利民店（三店）"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"retailers": 1}, "at least 2 retailers"),
        ({"weeks": 3}, "at least 8 weeks"),
        ({"kind": "nice"}, 'kind "nice"'),
        ({"seed": -1}, "seed = -1"),
        ({"format": "xlsx"}, "csv or parquet"),
        ({"last_week": date(2026, 9, 8)}, "named by their Monday"),
    ],
)
def test_an_argument_that_does_not_fit_is_refused_in_words(tmp_path: Path, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(TrueOrderError, match=said):
        write_city(tmp_path / "city", **{**SMALL, **arguments})  # type: ignore[arg-type]
    assert not (tmp_path / "city").exists()


def test_a_folder_that_holds_a_city_is_not_written_over(tmp_path: Path) -> None:
    write_city(tmp_path, **SMALL)
    before = fingerprint(tmp_path)
    with pytest.raises(TrueOrderError, match="already holds"):
        write_city(tmp_path, **SMALL | {"seed": 9})
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("size", [{"retailers": 2, "brands": 2, "weeks": 8}, {"retailers": 3, "brands": 90, "weeks": 9}])
def test_the_smallest_cities_have_orders_in_every_week(tmp_path: Path, size: dict[str, int]) -> None:
    city = written(tmp_path, **size)
    assert city.lines()["week"].nunique() == size["weeks"]
    assert over_bounds(city, city.lines()) == []


def test_progress_is_told_of_every_week(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write_city(tmp_path, **SMALL, progress=lambda what, done, total: told.append((what, done, total)))
    assert [done for _, done, _ in told] == list(range(1, told[-1][2] + 1))


@pytest.mark.shared
def test_the_scorer_of_the_development_city_runs_on_a_made_up_one(mixed: Written, tmp_path: Path) -> None:
    scorer = SHARED / "market_dev" / "score.py"
    if not scorer.exists():
        pytest.skip(f"{scorer} is absent")
    demand = mixed.demand()
    first = pd.Timestamp(mixed.city.cutoff) - pd.Timedelta(weeks=59)
    perfect = demand.assign(week=first + pd.to_timedelta(7 * demand["t"].astype(int), unit="D"), demand=demand["rate"])
    perfect.to_parquet(tmp_path / "demand.parquet")
    done = subprocess.run([sys.executable, str(scorer), str(mixed.truth.parent), str(tmp_path)], capture_output=True, text=True, check=True)
    scores = {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    assert scores["recover.project.pair"] < 1e-3
    assert scores["recover.allocated.pair"] > 0.1
    assert 0 < scores["flags.prevalence"] < 0.5
