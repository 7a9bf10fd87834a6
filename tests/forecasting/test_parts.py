"""A large city is weighed in parts: every shop in one, rates near to those of one part, and pairs read again by what their part taught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import demand, evidence, shelf, shelf_kernels, till_kernels, update
from forecasting import panel as panels
from forecasting.scarcity import Scarcity
from forecasting.states import Estimate, codes
from ordering import frames
from ordering.frames import Snapshot
from ordering.settings import DemandSettings
from tests.forecasting import small_city, till_city
from tests.forecasting.small_city import until

RULES = DemandSettings(weeks=60)
MOST = 20
PAIR = ["retailer_id", "brand_id"]
CODED = ("lines", "scanned_sales", "stock_counts", "star_levels")
PARTS_DIFFER, NIGHTS_DIFFER = 0.03, 0.03
"""Mean difference of rates, weighed by the rates: of parts of some twenty shops from one part, and of a night's from the next fit's."""


@pytest.fixture(autouse=True, scope="module")
def small_parts() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demand, "PART_RETAILERS", MOST)
        yield


@pytest.fixture(scope="module")
def city() -> small_city.SmallCity:
    return small_city.build(("ample", "turns", "tight", "tight"), shops=60, scans=tuple(range(0, 60, 3)))


@pytest.fixture(scope="module")
def monday(city: small_city.SmallCity) -> date:
    return small_city.last_monday(city.snapshot)


@pytest.fixture(scope="module")
def fitted(city: small_city.SmallCity, monday: date) -> Estimate:
    return demand.estimate(until(city.snapshot, monday), RULES)


def rates(pairs: pd.DataFrame) -> pd.Series:
    return pairs.astype({"retailer_id": "str", "brand_id": "str"}).set_index(PAIR)["rate"]


def tonight(known: Snapshot, fit: Estimate) -> pd.Series:
    """Rates of a night, on which the week is expected to be as the last."""
    last = fit.index[fit.index["week"] == fit.index["week"].max()].set_index("brand_id")["index"]
    expected = last * fit.pairs.groupby(fit.pairs["brand_id"].astype("str"))["rate"].sum().reindex(last.index)
    return rates(update.reread(known, update.recoded(fit, known), expected))


def off(found: pd.Series, true: pd.Series) -> float:
    return float((found - true).abs().sum() / true.sum())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=60), st.integers(1, 30))
def test_every_shop_is_in_one_part_with_its_whole_street_and_no_part_is_without_shops(places: list[tuple[int, int]], most: int) -> None:
    shops = pd.DataFrame(places, columns=["district", "street"]).astype("str")
    parts = demand.city_parts(shops, most)
    assert sorted(np.concatenate(parts)) == list(range(len(shops)))
    assert all((np.diff(rows) > 0).all() for rows in parts)
    assert all(len(rows) for rows in parts) or not places
    street = shops.agg("/".join, axis=1) if places else pd.Series(dtype="str")
    assert sum(street.iloc[rows].nunique() for rows in parts) == street.nunique()


def test_every_part_has_its_share_of_each_district() -> None:
    shops = pd.DataFrame({"district": [f"D{i % 4}" for i in range(400)], "street": [f"S{i // 4 % 20:02}" for i in range(400)]})
    for rows in demand.city_parts(shops, 80):
        assert (shops["district"].iloc[rows].value_counts() == 20).all()


def test_rates_in_parts_are_near_those_in_one(
    city: small_city.SmallCity, fitted: Estimate, monday: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "PART_RETAILERS", 1_000)
    one = demand.estimate(until(city.snapshot, monday), RULES)
    assert (len(one.learnt.variance), len(fitted.learnt.variance)) == (1, 3)
    pd.testing.assert_frame_equal(fitted.pairs[PAIR], one.pairs[PAIR])
    assert (fitted.pairs.dtypes == one.pairs.dtypes).all()
    np.testing.assert_allclose(fitted.index["index"], one.index["index"], rtol=1e-9)  # shortage and rhythm are the whole city's
    pd.testing.assert_frame_equal(fitted.shape.weeks, one.shape.weeks)
    np.testing.assert_array_equal(fitted.learnt.touched, one.learnt.touched)
    assert off(rates(fitted.pairs), rates(one.pairs)) < PARTS_DIFFER
    given_ = pd.Series(city.given[:, :, -61:-1].mean(2).ravel(), rates(one.pairs).index)
    assert off(given_, rates(one.pairs)) > 4 * PARTS_DIFFER  # the control: what was delivered is not near


def test_pairs_stand_in_the_order_of_their_codes(fitted: Estimate) -> None:
    shop, item = (fitted.pairs[name].cat.codes.to_numpy(np.int64) for name in PAIR)
    assert (np.diff(shop * 100 + item) > 0).all()
    assert len(np.unique(fitted.learnt.part[shop])) == 3
    assert (np.diff(fitted.learnt.part[shop]) < 0).any()  # the control: they are not in the order of the parts


def read_anew(known: Snapshot, fit: Estimate, row_of: np.ndarray) -> pd.Series:
    """All pairs read by what their parts taught, row `row_of[i]` taken for pair i's, with the fit's own weeks and nothing new."""
    weeks = pd.DatetimeIndex(np.sort(fit.index["week"].unique()))
    wide = [fit.index.pivot(index="brand_id", columns="week", values="index")]
    wide += [fit.shape.weeks.pivot(index="brand_id", columns="week", values=name) for name in ("expected_share", "tight")]
    index, expected, tight = (np.ascontiguousarray(values, np.float64) for values in wide)
    short = Scarcity(np.full(index.shape, np.nan), expected, tight.astype(np.int64))
    learnt, shop, found = fit.learnt, codes(known, fit.pairs)[0], np.zeros(len(fit.pairs))
    by_pair = [getattr(learnt, name)[row_of] for name in ("touched", "prior", "level", "doubt", "centre", "width")]
    for part in range(len(learnt.variance)):
        own = learnt.part[shop] == part
        panel = panels.build(known, weeks, among=np.flatnonzero(learnt.part == part))
        mine = [values[own] if values.dtype == bool else values[own].astype(np.float64) for values in by_pair]
        chance, cover = (values[panel.among].astype(np.float64) for values in (learnt.chance, learnt.cover))
        taught = evidence.Taught(*mine, float(learnt.variance[part]), learnt.tills[part], chance, cover, learnt.shelf[part])
        before = fit.pairs["rate"].to_numpy()[own]
        found[own] = update.read_again(
            panel, short, index, known.retailers.iloc[panel.among], known.brands, taught, before, np.arange(len(before))
        )[0]
    return pd.Series(found, rates(fit.pairs).index)


def test_what_is_kept_of_a_fit_gives_its_rates_again(city: small_city.SmallCity, fitted: Estimate, monday: date) -> None:
    known, row = until(city.snapshot, monday), np.arange(len(fitted.pairs))
    np.testing.assert_allclose(read_anew(known, fitted, row), rates(fitted.pairs), rtol=1e-3)
    assert (
        off(read_anew(known, fitted, np.roll(row, 1)), rates(fitted.pairs)) > 0.02
    )  # the control: with the neighbouring row's it does not


def test_a_night_reads_the_pairs_of_all_parts_near_to_the_next_fit(city: small_city.SmallCity, fitted: Estimate, monday: date) -> None:
    known, before = until(city.snapshot, monday + timedelta(days=6)), rates(fitted.pairs)
    after = tonight(known, fitted)
    moved = (after != before).to_numpy()
    shop = codes(known, fitted.pairs)[0]
    assert set(fitted.learnt.part[shop[moved]]) == {0, 1, 2}
    asked = known.lines[(known.lines["week"] == frames.day(monday)) & (known.lines["requested"] > 0)][PAIR].astype("str")
    assert before.index[moved].isin(pd.MultiIndex.from_frame(asked)).all()
    again = rates(demand.estimate(until(city.snapshot, monday + timedelta(days=7)), RULES).pairs).reindex(before.index)
    assert off(after[moved], again[moved]) < NIGHTS_DIFFER
    assert off(after[moved], again[moved]) < off(before[moved], again[moved])


def only_of(known: Snapshot, monday: date, retailer: str) -> Snapshot:
    """The night on which nobody but `retailer` has ordered, or was counted, since Monday."""
    lines, counts = known.lines, known.stock_counts
    earlier = lines["week"] < frames.day(monday), counts["counted_on"] < frames.day(monday)
    kept = [old | (frame["retailer_id"] == retailer) for old, frame in zip(earlier, (lines, counts), strict=True)]
    return replace(known, lines=lines[kept[0]].reset_index(drop=True), stock_counts=counts[kept[1]].reset_index(drop=True))


def assert_alone_as_with_others(known: Snapshot, fit: Estimate, monday: date, retailer: str) -> None:
    before, both, alone = rates(fit.pairs), tonight(known, fit), tonight(only_of(known, monday, retailer), fit)
    assert (alone[retailer] != before[retailer]).any()
    assert (both.drop(retailer, level=0) != before.drop(retailer, level=0)).any()
    pd.testing.assert_series_equal(alone[retailer], both[retailer], check_exact=True)
    pd.testing.assert_series_equal(alone.drop(retailer, level=0), before.drop(retailer, level=0), check_exact=True)


@pytest.mark.parametrize("retailer", ["R00", "R21"])
def test_what_a_night_finds_of_a_shop_does_not_depend_on_who_else_ordered(
    city: small_city.SmallCity, fitted: Estimate, monday: date, retailer: str
) -> None:
    assert_alone_as_with_others(until(city.snapshot, monday + timedelta(days=6)), fitted, monday, retailer)


@pytest.fixture(scope="module")
def counted() -> Snapshot:
    """Shelves that the city's counts tell, and those of a street alone would not."""
    return till_city.build(till_city.Town(shops=60, visits=0.03))


def test_nor_on_how_many_shelves_were_counted_in_its_street(counted: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monday = small_city.last_monday(counted)
    monkeypatch.setattr(demand, "PART_RETAILERS", 1_000)
    own = counted.retailers["retailer_id"].to_numpy()  # a street of its own for every shop
    apart = replace(counted, retailers=counted.retailers.assign(street=own).astype(counted.retailers.dtypes.to_dict()))
    fit = demand.estimate(until(apart, monday), RULES)
    assert not np.array_equal(fit.learnt.shelf[0], shelf.FULL_SHELF)
    known = until(apart, monday + timedelta(days=6))
    assert_alone_as_with_others(known, fit, monday, str(known.lines["retailer_id"].iloc[-1]))


def test_a_count_moves_no_pair_that_is_not_read_by_its_shelf(counted: Snapshot) -> None:
    monday = small_city.last_monday(counted)
    fit = demand.estimate(until(counted, monday), RULES)
    assert not fit.learnt.touched.any()
    ordered = until(counted, monday + timedelta(days=6))
    silent = replace(ordered, lines=until(counted, monday).lines)
    assert (silent.stock_counts["counted_on"] >= frames.day(monday)).any()
    pd.testing.assert_series_equal(tonight(silent, fit), rates(fit.pairs), check_exact=True)
    assert (tonight(ordered, fit) != rates(fit.pairs)).any()  # the control: lines do


def test_a_slip_of_the_keyboard_counts_no_more_on_the_night_than_in_the_fit(
    city: small_city.SmallCity, fitted: Estimate, monday: date
) -> None:
    known, before = until(city.snapshot, monday + timedelta(days=6)), rates(fitted.pairs)
    row = known.lines.index[(known.lines["week"] == frames.day(monday)) & (known.lines["brand_id"] == "B0")][0]
    pair = tuple(known.lines.loc[row, PAIR].astype("str"))
    lines = known.lines.copy()
    lines.loc[row, ["requested", "allocated"]] = 100_000_000
    found = tonight(small_city.with_lines(known, lines), fitted)
    assert before[pair] < found[pair] < 3 * before[pair]
    pd.testing.assert_series_equal(found.drop(pair), tonight(known, fitted).drop(pair), check_exact=True)


def recoded(known: Snapshot, **tables: pd.DataFrame) -> Snapshot:
    """The city with other retailers or brands, ids of all tables as categories of them."""
    changed = replace(known, **tables)
    kinds = dict(zip(PAIR, changed.categories(), strict=True))
    coded = {n: getattr(known, n).astype({k: v for k, v in kinds.items() if k in getattr(known, n)}) for n in CODED}
    return replace(changed, **coded)


def with_first(table: pd.DataFrame, name: str, id_: str) -> pd.DataFrame:
    """`table` and a row with an id before all others."""
    return pd.concat([table.iloc[[0]].assign(**{name: id_}), table], ignore_index=True).astype(table.dtypes.to_dict())


def test_a_shop_and_a_brand_that_came_since_monday_shift_nobodys_codes(city: small_city.SmallCity, fitted: Estimate, monday: date) -> None:
    known = until(city.snapshot, monday + timedelta(days=6))
    shops, brands = with_first(known.retailers, "retailer_id", "A"), with_first(known.brands, "brand_id", "A")
    grown = recoded(known, retailers=shops.assign(street=shops["street"].where(shops["retailer_id"] != "A", "new")), brands=brands)
    new = grown.lines.iloc[-3:].assign(retailer_id="A", order_id=["x", "y", "z"]).astype(grown.lines.dtypes.to_dict())
    grown = small_city.with_lines(grown, pd.concat([grown.lines, new]))
    found = update.recoded(fitted, grown)
    assert found.learnt.part[0] == -1
    np.testing.assert_array_equal(found.learnt.tills, np.column_stack([np.zeros(3), fitted.learnt.tills]))
    pd.testing.assert_series_equal(tonight(grown, fitted), tonight(known, fitted), check_exact=True)


def test_a_shop_that_moves_into_a_street_of_another_part_is_read_by_what_its_own_taught(
    city: small_city.SmallCity, fitted: Estimate, monday: date
) -> None:
    known = until(city.snapshot, monday + timedelta(days=6))
    other = int(np.flatnonzero(fitted.learnt.part != fitted.learnt.part[0])[0])
    shops = known.retailers.copy()
    shops.loc[0, ["district", "street"]] = shops.loc[other, ["district", "street"]]
    stayed, moved = tonight(known, fitted), tonight(replace(known, retailers=shops), fitted)
    assert off(moved["R00"], stayed["R00"]) < NIGHTS_DIFFER
    pd.testing.assert_series_equal(moved.drop("R00", level=0), stayed.drop("R00", level=0), rtol=NIGHTS_DIFFER)


def test_parts_are_the_same_for_any_number_of_threads(city: small_city.SmallCity, fitted: Estimate, monday: date) -> None:
    before, found = numba.get_num_threads(), []
    for threads in (1, min(4, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(threads)
        found.append(
            (demand.estimate(until(city.snapshot, monday), RULES), tonight(until(city.snapshot, monday + timedelta(days=6)), fitted))
        )
    numba.set_num_threads(before)
    pd.testing.assert_frame_equal(found[0][0].pairs, found[1][0].pairs, check_exact=True)
    pd.testing.assert_series_equal(found[0][1], found[1][1], check_exact=True)
    for name in vars(fitted.learnt):
        np.testing.assert_array_equal(getattr(found[0][0].learnt, name), getattr(found[1][0].learnt, name))


def test_a_fit_and_a_night_need_each_kernel_compiled_once(
    city: small_city.SmallCity, monday: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For arrays of another layout it would be compiled again, which takes half a minute, in the first fit or on the first night."""
    kinds: dict[str, set[tuple[object, ...]]] = {"likelihoods": set(), "till_likelihoods": set()}

    def noted(name: str, kernel: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        return lambda *args: [kinds[name].add(tuple(numba.typeof(x) for x in args)), kernel(*args)][1]

    for module, name in zip((shelf_kernels, till_kernels), kinds, strict=True):
        monkeypatch.setattr(module, name, noted(name, getattr(module, name)))
    tonight(until(city.snapshot, monday + timedelta(days=6)), demand.estimate(until(city.snapshot, monday), RULES))
    assert [len(found) for found in kinds.values()] == [1, 1]


def test_a_shelf_is_read_though_every_habit_of_its_shop_is_as_likely(city: small_city.SmallCity, monday: date) -> None:
    known = until(city.snapshot, monday)
    panel = panels.build(known, panels.past_weeks(known.business_date, 40), among=np.arange(len(known.retailers)))
    every, index = np.ones(panel.pairs, bool), np.ones((panel.brands, len(panel.weeks)))
    seen = shelf.views(panel, Scarcity(index, index, np.ones(index.shape, np.int64)), index, known.retailers, known.brands)
    grid = shelf.Tried(np.zeros(panel.pairs), np.zeros(panel.pairs), np.ones(panel.pairs))
    read = shelf.told(seen, every, grid, shelf.nothing_known(panel.retailers))
    assert np.isfinite(read.log_rate).all()
    assert np.isfinite(read.variance).all()
