from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import calendar
from ordering import frames
from tests import factories

NONE = frames.empty(frames.FESTIVALS)
TEMPLE_FAIR = factories.table(
    frames.FESTIVALS,
    [
        {"name": "庙会", "starts_on": date(2026, 3, 13), "district": "D1", "days": 5},
        {"name": "糖酒会", "starts_on": date(2026, 5, 11), "days": 7},
    ],
)


def mondays(first: str, weeks: int) -> pd.DatetimeIndex:
    return pd.date_range(first, periods=weeks, freq="7D", unit="us")


@pytest.mark.parametrize("first_day", [date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6), date(2030, 2, 3)])
def test_spring_festival_starts_in_the_week_that_holds_the_first_day_of_the_lunar_year(first_day: date) -> None:
    monday = pd.Timestamp(first_day) - pd.Timedelta(days=first_day.weekday())
    effects = calendar.regressors(pd.DatetimeIndex([monday]), NONE)
    assert effects["spring_festival+0"].iloc[0] == pytest.approx((7 - first_day.weekday()) / 7)
    assert effects["spring_festival-1"].iloc[0] == pytest.approx(first_day.weekday() / 7)


def test_spring_festival_is_not_in_the_same_week_of_two_years() -> None:
    effects = calendar.regressors(mondays("2025-01-06", 104), NONE)["spring_festival+0"].to_numpy()
    assert effects[3] == pytest.approx(5 / 7)
    assert effects[3 + 52] == 0.0
    assert effects[3 + 55] == pytest.approx(6 / 7)


@pytest.mark.parametrize(("year", "month", "day"), [(2024, 9, 17), (2025, 10, 6), (2026, 9, 25)])
def test_mid_autumn_of_three_years(year: int, month: int, day: int) -> None:
    effects = calendar.regressors(mondays("2023-12-25", 160), NONE)
    starts = effects.index[effects["mid_autumn+0"] > 0]
    on = pd.Timestamp(year, month, day)
    assert any(week <= on < week + pd.Timedelta(weeks=1) for week in starts)


@settings(max_examples=15, deadline=None)
@given(year=st.integers(2010, 2040), starts=st.integers(0, 300), days=st.integers(1, 60))
def test_every_day_of_an_effect_is_counted_once(year: int, starts: int, days: int) -> None:
    first = pd.Timestamp(year, 1, 4)
    weeks = mondays(str((first - pd.Timedelta(days=first.weekday())).date()), 52)
    own = factories.table(frames.FESTIVALS, [{"name": "x", "starts_on": (weeks[0] + pd.Timedelta(days=starts)).date(), "days": days}])
    counted = calendar.regressors(weeks, own).sum() * 7
    assert counted["spring_festival+0"] == pytest.approx(7)
    assert counted["national_day"] == pytest.approx(7)
    assert counted["festival:x"] == pytest.approx(days)


def test_a_year_has_its_single_holidays_and_a_golden_week() -> None:
    days = calendar.regressors(mondays("2025-01-06", 51), NONE).sum() * 7
    assert days["public_holidays"] == pytest.approx(3)  # Tomb-Sweeping, Labour Day, Dragon Boat; New Year's Day lies before
    assert days["national_day"] == pytest.approx(7)


def test_weeks_without_a_holiday_are_zero_everywhere() -> None:
    effects = calendar.regressors(mondays("2025-07-07", 8), NONE)
    assert (effects.to_numpy() == 0.0).all()


def test_columns_do_not_depend_on_the_weeks_asked_for() -> None:
    summer, winter = (calendar.regressors(mondays(first, 4), NONE) for first in ("2025-07-07", "2026-02-02"))
    assert list(summer.columns) == list(winter.columns)
    assert calendar.regressors(mondays("2025-07-07", 0), NONE).empty


def test_a_part_of_the_weeks_has_the_same_values() -> None:
    weeks = mondays("2024-06-03", 110)
    whole = calendar.regressors(weeks, TEMPLE_FAIR, "D1")
    pd.testing.assert_frame_equal(calendar.regressors(weeks[30:60], TEMPLE_FAIR, "D1"), whole.iloc[30:60], check_freq=False)


def test_a_districts_festival_counts_in_its_district_only() -> None:
    weeks = mondays("2026-03-02", 4)
    fair = "festival:庙会@D1"
    assert calendar.regressors(weeks, TEMPLE_FAIR, "D1")[fair].tolist() == pytest.approx([0, 3 / 7, 2 / 7, 0])
    assert fair not in calendar.regressors(weeks, TEMPLE_FAIR, "D2")
    assert fair not in calendar.regressors(weeks, TEMPLE_FAIR)
    assert fair in calendar.regressors(weeks, TEMPLE_FAIR, None)


def test_a_festival_of_the_whole_city_counts_everywhere() -> None:
    weeks = mondays("2026-05-04", 3)
    for district in ("", "D1", "D2", None):
        assert calendar.regressors(weeks, TEMPLE_FAIR, district)["festival:糖酒会"].tolist() == [0, 1, 0]


def test_days_off_by_announcement_are_no_effect() -> None:
    # 2026-01-02 was made a day off by announcement; the law knows 2026-01-01 alone
    assert calendar.regressors(mondays("2025-12-29", 1), NONE)["public_holidays"].tolist() == pytest.approx([1 / 7])
