"""Settings: TOML to frozen records. An unknown key is an error that names the file, the key and the known ones."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, time
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ordering.errors import SettingsError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CitySettings(_Section):
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


class DatabaseSettings(_Section):
    url: str
    history_folder: str


class ImportSettings(_Section):
    min_retailers: int = Field(ge=1)
    closed_weeks: tuple[date, ...]


class NightlySettings(_Section):
    at: time
    grace_hours: float = Field(gt=0, le=72)
    keep_runs: int = Field(ge=1)
    workers: int = Field(ge=0)


class PublishSettings(_Section):
    cutoff: time
    compare_weeks: int = Field(ge=1, le=52)
    cartons_factor: float = Field(gt=1)
    unserved_share: float = Field(ge=0, le=1)
    fulfilment_change: float = Field(gt=0, le=1)
    most_problems: int = Field(ge=0)


class ReviewSettings(_Section):
    reason_share: float = Field(ge=0)
    reason_cartons: int = Field(ge=0)
    four_eyes_cartons: int = Field(ge=0)
    four_eyes_yuan: float = Field(ge=0)


class DemandSettings(_Section):
    weeks: int = Field(ge=8)


class ForecastSettings(_Section):
    weeks: int = Field(ge=1, le=52)
    origins: int = Field(ge=1)
    drift_weeks: int = Field(ge=1, le=52)
    drift_outside: int = Field(ge=1, le=52)


class InflationSettings(_Section):
    weeks: int = Field(ge=1)
    flag_at: float = Field(gt=0, le=1)


class HabitSettings(_Section):
    least_lines: int = Field(ge=2)
    least_weeks: int = Field(ge=1)
    recent_weeks: int = Field(ge=1)


class SignalSettings(_Section):
    weeks: int = Field(ge=6, le=52)
    false_share: float = Field(gt=0, lt=1)


class AllocationSettings(_Section):
    policy: Literal["uniform"]
    salt: str
    weights: Mapping[int, Annotated[float, Field(ge=0.001)]]

    def weight(self, star_level: int) -> float:
        """The weight of a star level under the uniform rule."""
        return float(self.weights.get(star_level, star_level))


class SuggestSettings(_Section):
    cover_weeks: Mapping[str, float]


class Settings(_Section):
    """All settings, by section; see config/default.toml for what each means."""

    city: CitySettings
    database: DatabaseSettings
    importing: ImportSettings
    nightly: NightlySettings
    publishing: PublishSettings
    review: ReviewSettings
    demand: DemandSettings
    forecast: ForecastSettings
    inflation: InflationSettings
    habits: HabitSettings
    signals: SignalSettings
    allocation: AllocationSettings
    suggesting: SuggestSettings


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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
