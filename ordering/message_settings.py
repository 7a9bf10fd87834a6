"""Settings of what comes in and goes out: the inbox, notices, alerts and logs. A secret never stands here, only where it is to be found."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


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


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InboxSettings(_Section):
    """[inbox]"""

    folder: str
    settle_seconds: int = Field(ge=1)
    marker: str = Field(min_length=1, pattern=r"^[^/\\]+$")
    mapping: str
    poll_seconds: int = Field(ge=1, le=3600)


class NoticeSettings(_Section):
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


class AlertSettings(_Section):
    """[alerts]"""

    night_by: time
    mail_to: tuple[str, ...]
    webhook_url: Address
    webhook_secret: Secret


class LoggingSettings(_Section):
    """[logging]"""

    level: Literal["debug", "info", "warning", "error"]
    form: Literal["auto", "json", "text"]
    file: str
    file_megabytes: int = Field(ge=1)
    files_kept: int = Field(ge=1)
