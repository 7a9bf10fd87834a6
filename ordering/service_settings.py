"""Settings of the service around the nights: its schedule, backups, pages, accounts and privacy, surveys, and what comes in and goes out.

A secret never stands here, only where it is to be found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ordering.errors import TrueOrderError
from ordering.satisfaction import Aspect, check_weights
from ordering.schedule import parse


def _place_of_secret(value: str) -> str:
    if value and not re.match(r"(env|file):.+", value):
        raise ValueError('no secret stands in a settings file: write "env:NAME_OF_VARIABLE" or "file:/path"')
    return value


def _url(value: str) -> str:
    if value and not re.match(r"(https?://|env:|file:).+", value):
        raise ValueError('write https://…, or "env:NAME" or "file:/path" where the address itself is a secret')
    return value


Secret = Annotated[str, AfterValidator(_place_of_secret)]
"""Where a secret is to be found: `env:NAME`, `file:/path`, or nothing."""
Address = Annotated[str, AfterValidator(_url)]
"""An address, or where it is to be found."""


class Section(BaseModel):
    """A section of the settings: frozen, and what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScheduleSettings(Section):
    """[schedule]"""

    nightly: str
    publish: str
    rating: str
    quotas: str
    report: str
    retention: str
    backup: str
    days_back: int = Field(ge=0, le=62)
    attempts: int = Field(ge=1, le=12)
    first_pause_minutes: float = Field(gt=0, le=60)
    report_folder: str
    lease_seconds: float = Field(gt=0, le=25)
    tick_seconds: float = Field(gt=0, le=5)
    round_seconds: float = Field(gt=0, le=600)
    stop_seconds: float = Field(ge=1, le=600)

    @field_validator("nightly", "publish", "rating", "quotas", "report", "retention", "backup")
    @classmethod
    def _readable(cls, value: str) -> str:
        if value not in NAMED:
            parse(value)
        return value


NAMED = ("nightly.at", "publishing.cutoff")
"""Settings that may be named in place of a time: every day at that time."""


class BackupSettings(Section):
    """[backup]"""

    folder: str
    keep_daily: int = Field(ge=1)
    keep_weekly: int = Field(ge=0)
    keep_monthly: int = Field(ge=0)
    tools: str


class WebSettings(Section):
    """[web]"""

    host: str
    port: int = Field(ge=1, le=65535)
    workers: int = Field(ge=1, le=64)
    threads: int = Field(ge=1, le=256)
    insecure: bool
    origins: tuple[str, ...]
    language: Literal["zh", "en"]
    body_kilobytes: int = Field(ge=16, le=102400)
    upload_kilobytes: int = Field(ge=64, le=102400)
    metrics_from: tuple[str, ...]


class AccountSettings(Section):
    """[accounts]"""

    least_length: int = Field(ge=8, le=64)
    argon2_memory_kib: int = Field(ge=8, le=4_194_304)
    argon2_passes: int = Field(ge=1, le=100)
    argon2_lanes: int = Field(ge=1, le=64)
    idle_minutes: int = Field(ge=1)
    session_hours: int = Field(ge=1)
    attempts: int = Field(ge=1)
    attempts_per_address: int = Field(ge=1)
    address_attempts: int = Field(ge=1)
    attempt_minutes: int = Field(ge=1)
    token_days: int = Field(ge=1)


class PrivacySettings(Section):
    """[privacy]"""

    objections_to: str
    access_log_days: int = Field(ge=1)
    decision_months: int = Field(ge=0)


class SatisfactionSettings(Section):
    """[satisfaction]"""

    weights: Mapping[Aspect, float]
    least_answers: int = Field(ge=1)
    months: int = Field(ge=1, le=60)

    @field_validator("weights")
    @classmethod
    def _whole(cls, value: Mapping[Aspect, float]) -> Mapping[Aspect, float]:
        try:
            check_weights(value)
        except TrueOrderError as error:
            raise ValueError(str(error)) from error
        return value


class InboxSettings(Section):
    """[inbox]"""

    folder: str
    settle_seconds: int = Field(ge=1)
    marker: str = Field(min_length=1, pattern=r"^[^/\\]+$")
    mapping: str
    poll_seconds: int = Field(ge=1, le=3600)


class NoticeSettings(Section):
    """[notices]"""

    folder: str
    webhook_url: Address
    webhook_secret: Secret
    mail_to: tuple[str, ...]
    arrival_days: int = Field(ge=0, le=90)
    attempts: int = Field(ge=1, le=50)
    first_pause_seconds: int = Field(ge=1)
    longest_pause_hours: float = Field(gt=0)
    send_seconds: float = Field(gt=0, le=300)
    fresh_days: int = Field(ge=1)
    keep_days: int = Field(ge=1)
    smtp_host: str
    smtp_port: int = Field(ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"]
    smtp_from: str
    smtp_user: str
    smtp_password: Secret


class AlertSettings(Section):
    """[alerts]"""

    night_by: time
    mail_to: tuple[str, ...]
    webhook_url: Address
    webhook_secret: Secret


class LoggingSettings(Section):
    """[logging]"""

    level: Literal["debug", "info", "warning", "error"]
    form: Literal["auto", "json", "text"]
    file: str
    file_megabytes: int = Field(ge=1)
    files_kept: int = Field(ge=1)
