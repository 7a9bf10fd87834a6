"""Laws of the estimate of demand, and what it makes of series that make no sense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import demand, evidence, full_shelf, rhythm, shelf
from ordering.frames import Snapshot
from ordering.settings import DemandSettings
from tests import factories
from tests.forecasting import small_city

RULES = DemandSettings(weeks=60)
SHOPS = 24
TILLS = tuple(range(0, SHOPS, 2))
PAIR = ["retailer_id", "brand_id"]
BY_PAIR = ("lines", "scanned_sales", "stock_counts", "star_levels", "supply", "release_strategy")
"""Tables whose ids have to be renamed with the retailers and brands."""


@pytest.fixture(scope="module")
def city() -> Snapshot:
    return small_city.build(("ample", "turns", "tight"), shops=SHOPS, scans=TILLS).snapshot


@pytest.fixture(scope="module")
def usual(city: Snapshot) -> pd.Series:
    return rates(city)


@pytest.fixture(scope="module")
def larger() -> Snapshot:
    return small_city.build(("ample", "ample", "turns", "turns", "tight", "tight"), shops=120, scans=tuple(range(0, 120, 2))).snapshot


def rates(city: Snapshot) -> pd.Series:
    """Mean weekly demand of each pair over the window, by ids."""
    found = demand.estimate(city, RULES)
    level = found.index.groupby("brand_id")["index"].mean()
    pairs = found.pairs.astype({"retailer_id": "str", "brand_id": "str"}).set_index(PAIR)
    return pairs["rate"] * level.reindex(pairs.index.get_level_values("brand_id")).to_numpy()


def with_sales(city: Snapshot, retailer: str, brand: str, weeks: list[int], extra: int) -> Snapshot:
    """`extra` cartons more in the till's report of a pair, in those of `weeks` (numbers from 0) in which the shop's till reported."""
    sales = city.scanned_sales
    his = sales[sales["retailer_id"] == retailer]
    told = np.sort(his["week"].unique())
    more = pd.DataFrame({"retailer_id": retailer, "brand_id": brand, "week": told[[w for w in weeks if w < len(told)]], "sold": extra})
    both = pd.concat([sales.astype({"retailer_id": "str", "brand_id": "str"}), more], ignore_index=True)
    summed = both.groupby([*PAIR, "week"], as_index=False)["sold"].sum()
    return replace(city, scanned_sales=summed.astype(sales.dtypes.to_dict())[sales.columns.tolist()])


SHARED = 0.005
"""What a pair's estimate may lose by parts that it shares with others (peers, the city's rhythm) when its sales rise."""
ALL_WEEKS = list(range(small_city.WEEKS))


@settings(deadline=None, max_examples=12, derandomize=True)
@given(shop=st.sampled_from(TILLS), brand=st.sampled_from(["B0", "B1", "B2"]), extra=st.integers(1, 6))
def test_more_scanned_sales_never_lower_the_estimate_of_their_pair(
    city: Snapshot, usual: pd.Series, shop: int, brand: str, extra: int
) -> None:
    pair = f"R{shop:02}", brand
    after = rates(with_sales(city, *pair, ALL_WEEKS, extra))
    assert after[pair] >= (1 - SHARED) * usual[pair]


@settings(deadline=None, max_examples=12, derandomize=True)
@given(
    shop=st.sampled_from(TILLS),
    brand=st.sampled_from(["B0", "B1", "B2"]),
    weeks=st.lists(st.sampled_from(ALL_WEEKS), min_size=1, max_size=8, unique=True),
    extra=st.sampled_from([1, 2, 5, 30, 1000]),
)
def test_more_scanned_sales_in_a_few_weeks_never_lower_it_either(
    city: Snapshot, usual: pd.Series, shop: int, brand: str, weeks: list[int], extra: int
) -> None:
    pair = f"R{shop:02}", brand
    after = rates(with_sales(city, *pair, weeks, extra))
    assert after[pair] >= (1 - SHARED) * usual[pair]


def test_twice_the_sales_in_all_weeks_raise_the_estimate_of_a_short_pair_and_of_no_other(city: Snapshot, usual: pd.Series) -> None:
    pair = "R04", "B2"
    after = rates(with_sales(city, *pair, ALL_WEEKS, 3)) / usual
    assert after[pair] > 1.1
    assert (after.drop(index=pair) - 1).abs().max() < 0.1  # one of twelve tills, from which the level of all is learnt
    # the control: an estimate that drops tills does not move
    deaf = [rates(without_tills(c)) for c in (city, with_sales(city, *pair, ALL_WEEKS, 3))]
    assert deaf[1][pair] == pytest.approx(deaf[0][pair])


def without_tills(city: Snapshot) -> Snapshot:
    return replace(city, scanned_sales=city.scanned_sales.iloc[:0])


def renamed(city: Snapshot, names: dict[str, dict[str, str]], seed: int) -> Snapshot:
    """The city under new ids (by column), each table in the order of its new ids, lines and sales in any order."""
    masters = {}
    for table, column in (("retailers", "retailer_id"), ("brands", "brand_id")):
        frame = getattr(city, table)
        new = frame.assign(**{column: frame[column].astype("str").map(names[column])}).sort_values(column, ignore_index=True)
        masters[table] = new.astype(frame.dtypes.to_dict())
    kinds = {"retailer_id": masters["retailers"]["retailer_id"], "brand_id": masters["brands"]["brand_id"]}
    rest = {}
    for table in BY_PAIR:
        frame = getattr(city, table).sample(frac=1, random_state=seed)
        ids = {c: frame[c].astype("str").map(names[c]).astype(pd.CategoricalDtype(kinds[c])) for c in kinds if c in frame}
        rest[table] = frame.assign(**ids).reset_index(drop=True)
    return replace(city, **masters, **rest)


@pytest.mark.parametrize("seed", [1, 2])
def test_other_names_and_another_order_permute_the_estimates(city: Snapshot, usual: pd.Series, seed: int) -> None:
    rng, names = np.random.default_rng(seed), {}
    for column, frame in (("retailer_id", city.retailers), ("brand_id", city.brands)):
        ids = frame[column].astype("str")
        names[column] = dict(zip(ids, [f"Z{number:03}" for number in rng.permutation(len(ids))], strict=True))
    after = rates(renamed(city, names, seed))
    expected = usual.rename(index=names["retailer_id"], level=0).rename(index=names["brand_id"], level=1)
    np.testing.assert_allclose(after.sort_index(), expected.sort_index(), rtol=1e-9)
    assert not np.allclose(after.sort_index(), usual.sort_index(), rtol=0.01)  # the control: they did move


def doubled(city: Snapshot) -> Snapshot:
    """Every retailer and street twice, each with its own lines, sales and counts, and twice the supply."""
    shops = pd.concat([city.retailers, twin(city.retailers, "street", "retailer_id")]).sort_values("retailer_id", ignore_index=True)
    kind = pd.CategoricalDtype(shops["retailer_id"])
    rest = {}
    for table in ("lines", "scanned_sales", "stock_counts", "star_levels"):
        frame = getattr(city, table).astype({"retailer_id": "str"})
        both = pd.concat([frame, twin(frame, "retailer_id", *({"order_id"} & {*frame}))], ignore_index=True)
        rest[table] = both.astype({"retailer_id": kind})
    return replace(city, retailers=shops, supply=city.supply.assign(available=2 * city.supply["available"]), **rest)


def twin(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.assign(**{c: frame[c].astype("str") + "x" for c in columns})


POOLED: tuple[tuple[Any, str, float], ...] = (
    (evidence, "LEAST_PAIRS", 2), (evidence, "MISFIT_PAIRS", 2), (evidence, "BRAND_SD", 0.5**0.5), (evidence, "CITY_SD", 0.5**0.5),
    (rhythm, "BRAND_PRIOR", 2), (full_shelf, "PRIOR_COUNTS", 2), (full_shelf, "LEAST_COUNTS", 2), (shelf, "HELD_BEFORE", 2),
)  # fmt: skip
"""What the estimator believes before it has seen a city, and by how much to scale it that it weighs as much in a city twice as large."""


def test_twice_the_city_leaves_the_estimates_of_pairs_but_for_what_is_learnt_of_more_shops(larger: Snapshot) -> None:
    usual, twice = rates(larger), rates(doubled(larger))
    off = (twice.reindex(usual.index) / usual - 1).abs()
    assert (off * usual).sum() / usual.sum() < 0.01
    assert off.quantile(0.8) < 0.01  # a habit that hangs in the balance may tip, and with it the short brands of a shop
    copies = twice.rename(index=lambda retailer: retailer.removesuffix("x"), level=0).groupby(level=[0, 1])
    assert (copies.max() - copies.min()).max() == 0.0


def test_with_first_beliefs_of_the_same_weight_twice_the_city_changes_nothing(
    city: Snapshot, usual: pd.Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = doubled(without_tills(city))
    before = rates(without_tills(city))
    plain = (rates(twice).reindex(before.index) / before - 1).abs().max()
    for module, name, factor in POOLED:
        monkeypatch.setattr(module, name, factor * getattr(module, name))
    np.testing.assert_allclose(rates(twice).reindex(before.index), before, rtol=1e-3)
    assert plain > 1e-3  # the control: it is these beliefs that make the difference


def lines_of(city: Snapshot, retailer: str, brand: str | None = None) -> pd.Series:
    his = city.lines["retailer_id"] == retailer
    return his if brand is None else his & (city.lines["brand_id"] == brand)


def changed(city: Snapshot, which: pd.Series, **values: Any) -> Snapshot:
    """The city with other values in some of its lines."""
    lines = city.lines.copy()
    for column, value in values.items():
        lines[column] = lines[column].mask(which, value(lines[column]) if callable(value) else value).astype(lines[column].dtype)
    return small_city.with_lines(city, lines)


def kept(city: Snapshot, which: pd.Series) -> Snapshot:
    return small_city.with_lines(city, city.lines[which])


def one_line(city: Snapshot, brand: str) -> pd.Series:
    """The fifth-last line of shop R01 for a brand."""
    return pd.Series(city.lines.index == city.lines.index[lines_of(city, "R01", brand)][-5], city.lines.index)


def others_moved(before: pd.Series, after: pd.Series, retailer: str = "R01") -> float:
    """The largest relative change of any other retailer's pair."""
    same = [pair for pair in before.index.intersection(after.index) if pair[0] != retailer]
    return float((after[same] / before[same] - 1).abs().max())


@pytest.mark.parametrize("brand", ["B0", "B1", "B2"])
@pytest.mark.parametrize(
    ("name", "values", "which", "bound"),
    [
        ("nothing ever asked for", {"requested": 0, "allocated": 0}, lines_of, 0.03),
        ("the same every week", {"requested": 3, "allocated": 3}, lines_of, 0.03),
        ("a request for a million", {"requested": 1_000_000}, lambda city, _, brand: one_line(city, brand), 0.01),
        ("an allocation that is not known", {"allocated": pd.NA}, lambda city, _, brand: one_line(city, brand), 0.01),
    ],
)
def test_one_odd_pair_is_estimated_and_hurts_nobody(
    city: Snapshot, usual: pd.Series, name: str, values: dict[str, Any], which: Any, bound: float, brand: str
) -> None:
    after = rates(changed(city, which(city, "R01", brand), **values))
    assert np.isfinite(after).all()
    assert (after >= 0).all()
    assert others_moved(usual, after) < bound, name


def test_a_million_cartons_delivered_in_one_line_do_not_carry_the_city_away(larger: Snapshot) -> None:
    usual = rates(larger)
    for brand in ("B0", "B5"):
        after = rates(changed(larger, one_line(larger, brand), requested=1_000_000, allocated=1_000_000))
        assert np.isfinite(after).all()
        others = (after / usual - 1).abs().drop("R01", level=0)
        assert others.quantile(0.9) < 0.02
        assert (others * usual).sum() / usual.sum() < 0.01


def test_a_shop_a_thousand_times_as_large_as_the_others_leaves_the_sum_of_the_others(city: Snapshot, usual: pd.Series) -> None:
    giant = changed(city, lines_of(city, "R01"), requested=lambda x: 1000 * x, allocated=lambda x: 1000 * x)
    after = rates(giant)
    assert np.isfinite(after).all()
    assert after["R01"].sum() > 300 * usual["R01"].sum()
    rest = usual.drop("R01", level=0)
    assert after.drop("R01", level=0).sum() == pytest.approx(rest.sum(), rel=0.1)


def test_a_till_that_reports_a_million_moves_nobody_else(city: Snapshot, usual: pd.Series) -> None:
    sales = city.scanned_sales
    row = sales.index[sales["retailer_id"] == "R02"][7]
    glitch = replace(city, scanned_sales=sales.assign(sold=sales["sold"].mask(sales.index == row, 1_000_000)))
    after = rates(glitch)
    assert np.isfinite(after).all()
    assert others_moved(usual, after, "R02") < 0.01


def test_a_shop_in_its_first_week_gets_an_estimate_and_hurts_nobody(city: Snapshot) -> None:
    without = kept(city, ~lines_of(city, "R01"))
    young = kept(city, ~lines_of(city, "R01") | (city.lines["week"] == city.lines["week"].max()))
    before, after = rates(without), rates(young)
    assert (after["R01"] > 0.05).all()
    assert others_moved(before, after) < 0.01


def test_a_brand_in_its_first_week_gets_an_estimate_about_its_deliveries() -> None:
    city = small_city.build(("ample", "ample", "turns", "tight"), shops=SHOPS).snapshot
    last = city.lines["week"] == city.lines["week"].max()
    for brand in ("B1", "B3"):
        his = city.lines["brand_id"] == brand
        after = rates(kept(city, ~his | last)).xs(brand, level=1)
        assert np.isfinite(after).all()
        assert after.sum() > 0.5 * city.lines.loc[his & last, "allocated"].sum()


def test_a_brand_that_tills_sell_and_nobody_orders_is_not_without_demand(city: Snapshot) -> None:
    sold = city.scanned_sales.query("brand_id == 'B1'").groupby("retailer_id", observed=True)["sold"].sum() / 60
    after = rates(kept(city, city.lines["brand_id"] != "B1")).xs("B1", level=1)
    assert after.reindex(sold.index.astype("str")).sum() > 0.7 * sold.sum()


def test_one_pair_alone_is_estimated_and_said_to_be_young() -> None:
    lines = [factories.line(order_date=factories.week(-1), requested=4, allocated=4)]
    found = demand.estimate(factories.snapshot(lines=lines), RULES)
    assert np.isfinite(found.pairs["rate"]).all()
    assert (found.pairs["rate"] > 0).all()
    assert "history" in set(found.problems["subject"])


@pytest.mark.parametrize("weeks", [1, 2, 5])
@pytest.mark.parametrize("share", ["ample", "tight"])
def test_a_young_city_that_got_four_fifths_wants_about_what_was_delivered_or_more(weeks: int, share: str) -> None:
    """Once an estimate was nothing here: all weeks were short, none without shortage, and too few for a shelf to be read."""
    city = small_city.build((share,) * 3, shops=SHOPS).snapshot
    first = np.sort(city.lines["week"].unique())[-weeks:]
    lines = city.lines[city.lines["week"].isin(first)]
    eight = np.floor(0.8 * lines["requested"] + np.random.default_rng(1).random(len(lines))).astype("int32")
    young = small_city.with_lines(city, lines.assign(allocated=eight))
    delivered = eight.sum() / weeks
    assert rates(young).sum() > 0.6 * delivered
    assert "history" in set(demand.estimate(young, RULES).problems["subject"])
