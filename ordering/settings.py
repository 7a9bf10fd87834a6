"""Settings: TOML to frozen records. An unknown key is an error that names the file, the key and the known ones."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, time
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from ordering.errors import SettingsError
from ordering.model import COMPARISONS, Measure, Policy, SupplyAttribute, VisitReason
from ordering.service_settings import (
    AccountSettings,
    AlertSettings,
    BackupSettings,
    InboxSettings,
    LoggingSettings,
    NoticeSettings,
    PrivacySettings,
    SatisfactionSettings,
    ScheduleSettings,
    Section,
    WebSettings,
)


class CitySettings(Section):
    name: str
    time_zone: str

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError("is no time zone; write it like Asia/Shanghai") from error
        return value


class DatabaseSettings(Section):
    url: str
    history_folder: str


class ImportSettings(Section):
    min_retailers: int = Field(ge=1)
    closed_weeks: tuple[date, ...]


class NightlySettings(Section):
    at: time
    grace_hours: float = Field(gt=0, le=72)
    keep_runs: int = Field(ge=1)
    workers: int = Field(ge=0)


class PublishSettings(Section):
    cutoff: time
    compare_weeks: int = Field(ge=1, le=52)
    cartons_factor: float = Field(gt=1)
    unserved_share: float = Field(ge=0, le=1)
    fulfilment_change: float = Field(gt=0, le=1)
    most_problems: int = Field(ge=0)


class OrderingSettings(Section):
    opens: time
    days_ahead: int = Field(ge=1, le=7)


class ReviewSettings(Section):
    reason_share: float = Field(ge=0)
    reason_cartons: int = Field(ge=0)
    four_eyes_cartons: int = Field(ge=0)
    four_eyes_yuan: float = Field(ge=0)


class VisitSettings(Section):
    weights: Mapping[VisitReason, Annotated[float, Field(ge=0)]]
    waiting: float = Field(ge=0)
    waiting_days: int = Field(ge=1, le=366)
    weeks: int = Field(ge=1, le=13)
    fulfilment_below: float = Field(gt=0, le=1)
    stock_out_weeks: float = Field(gt=0, le=8)
    overstock_months: float = Field(gt=0)
    count_weeks: float = Field(gt=0)
    count_cartons: int = Field(ge=1)


class DemandSettings(Section):
    weeks: int = Field(ge=8)


class ForecastSettings(Section):
    weeks: int = Field(ge=1, le=52)
    origins: int = Field(ge=1)
    drift_weeks: int = Field(ge=1, le=52)
    drift_outside: int = Field(ge=1, le=52)


class InflationSettings(Section):
    weeks: int = Field(ge=1)
    flag_at: float = Field(gt=0, le=1)


class HabitSettings(Section):
    least_lines: int = Field(ge=2)
    least_weeks: int = Field(ge=1)
    recent_weeks: int = Field(ge=1)


class SignalSettings(Section):
    weeks: int = Field(ge=6, le=52)
    false_share: float = Field(gt=0, lt=1)


class AllocationSettings(Section):
    policy: Policy
    policies: Mapping[SupplyAttribute, Policy]
    salt: str
    weights: Mapping[int, Annotated[float, Field(ge=0.001)]]
    demand_by_star: bool
    demand_cap: float = Field(ge=0, lt=1)
    supply_rows: Literal["available", "arrivals"]

    @field_validator("policy", "policies")
    @classmethod
    def _not_for_comparison(cls, value: Any) -> Any:
        for policy in value.values() if isinstance(value, Mapping) else [value]:
            if policy in COMPARISONS:
                beside = "it is there to compare with (trueorder rerun what-if), not to give out by"
                raise ValueError(f"{policy} rewards who asks for more; {beside}")
        return value

    def weight(self, star_level: int) -> float:
        """The weight of a star level."""
        return float(self.weights.get(star_level, star_level))

    def policy_of(self, attribute: str) -> Policy:
        """The policy of brands of a supply attribute."""
        return self.policies.get(SupplyAttribute(attribute), self.policy)


class SuggestSettings(Section):
    cover_weeks: Mapping[str, Annotated[float, Field(ge=0)]]
    format_factors: Mapping[str, Annotated[float, Field(ge=0)]]
    substitutes: int = Field(ge=0, le=20)
    province_first: bool
    peer_levels: int = Field(ge=0)
    dependence_share: float = Field(gt=0, le=1)


class PlanningSettings(Section):
    weeks: int = Field(ge=1, le=52)
    trust: float = Field(gt=0)
    highest_cap: int = Field(ge=1, le=500)
    tolerance: int = Field(ge=0)


class RatingSettings(Section):
    shares: tuple[Annotated[float, Field(ge=0, le=100)], ...]
    weights: Mapping[Measure, Annotated[float, Field(ge=0)]]
    window_months: int = Field(ge=1, le=12)
    lag_weeks: int = Field(ge=0, le=4)
    least_weeks: int = Field(ge=1)
    purchases_in: Literal["cartons", "yuan"]
    full_sell_through: float = Field(gt=0, le=1)
    sell_through_from: tuple[Literal["counts", "tills"], ...]
    peers: Mapping[Measure, tuple[Literal["area_type", "business_format", "district", "street"], ...]]
    most_steps: int = Field(ge=1)
    tolerance: float = Field(ge=0, le=100)
    entry_level: int = Field(ge=0)

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return len(self.shares)

    @field_validator("shares")
    @classmethod
    def _whole(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if abs(sum(value) - 100) > 1e-6:
            raise ValueError(f"the shares add up to {sum(value):g}, not to 100 percent")
        return value

    @field_validator("weights")
    @classmethod
    def _weighing(cls, value: Mapping[Measure, float]) -> Mapping[Measure, float]:
        if not sum(value.values()) > 0:
            raise ValueError("no measure has a weight above 0; give one")
        return value

    @field_validator("entry_level")
    @classmethod
    def _there(cls, value: int, info: ValidationInfo) -> int:
        if value > len(info.data.get("shares", ())):
            raise ValueError("there is no such level; 0 takes the middle of a new shop's peers")
        return value


class Settings(Section):
    """All settings, by section; see config/default.toml for what each means."""

    city: CitySettings
    database: DatabaseSettings
    importing: ImportSettings
    nightly: NightlySettings
    publishing: PublishSettings
    ordering: OrderingSettings
    review: ReviewSettings
    visits: VisitSettings
    demand: DemandSettings
    forecast: ForecastSettings
    inflation: InflationSettings
    habits: HabitSettings
    signals: SignalSettings
    allocation: AllocationSettings
    suggesting: SuggestSettings
    planning: PlanningSettings
    rating: RatingSettings
    schedule: ScheduleSettings
    backup: BackupSettings
    web: WebSettings
    accounts: AccountSettings
    privacy: PrivacySettings
    satisfaction: SatisfactionSettings
    inbox: InboxSettings
    notices: NoticeSettings
    alerts: AlertSettings
    logging: LoggingSettings


def load(*paths: Path) -> Settings:
    """The default settings, overlaid by the files of `paths` in turn.

    Raises SettingsError naming the file and the key where a file is no TOML, a key is unknown or a value does not fit.
    """
    merged: dict[str, Any] = tomllib.loads(files("config").joinpath("default.toml").read_text("utf-8"))
    settings = _checked(merged, "default.toml")
    for path in paths:
        merged = _overlay(merged, _read(path))
        settings = _checked(merged, str(path))
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); name a settings file that exists") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: is nested too deeply; settings are sections of keys, as in config/default.toml") from error
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise SettingsError(f"{path}: is no TOML: {error}") from error


def _overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, section by section."""
    out = dict(below)
    for key, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _overlay(out[key], value) if nested else value
    return out


def _checked(values: Mapping[str, Any], source: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(_in_words(source, fault) for fault in error.errors())) from error


def _in_words(source: str, fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{source}: {key}: there is no such setting; config/default.toml lists those there are"
    return f"{source}: {key} = {fault['input']!r}: {fault['msg']}"
