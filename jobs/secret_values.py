"""Secrets, read from where the settings say they are; each is remembered, so that no log shows it."""

from __future__ import annotations

import os
from pathlib import Path

from ordering.errors import SettingsError
from ordering.masking import remember


def found(place: str, setting: str) -> str:
    """The secret at `env:NAME` or `file:/path`; "" where no place is given. SettingsError, naming `setting`, where it is not there."""
    kind, _, name = place.partition(":")
    if not place:
        return ""
    if kind == "env":
        value = os.environ.get(name, "")
        if not value:
            raise SettingsError(f"{setting}: the environment variable {name} is not set; set it to the secret")
        return remember(value)
    try:
        value = Path(name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting}: {name} cannot be read ({error}); put the secret into that file") from error
    if not value:
        raise SettingsError(f"{setting}: {name} is empty; put the secret into that file")
    return remember(value)


def address(given: str, setting: str) -> str:
    """An address as the settings give it, or from where they say it is; SettingsError where it is none."""
    value = found(given, setting) if given.startswith(("env:", "file:")) else given
    if value and not value.startswith(("http://", "https://")):
        raise SettingsError(f"{setting}: what stands there is no address; write it like https://host/path")
    return value
