"""Every setting with its value and where that comes from: the defaults, a file, or the environment. Secrets are masked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ordering import settings
from ordering.masking import masked

DEFAULT = "default"
ADDRESSES = ("notices.webhook_url", "alerts.webhook_url")
"""Addresses whose path and query may be as good as a password."""


@dataclass(frozen=True)
class Setting:
    """One setting: `section.key`, its value as TOML writes it, secrets masked, and its source: `default`, a file, or a variable."""

    key: str
    value: str
    source: str

    @property
    def changed(self) -> bool:
        """Whether something other than the defaults gives it."""
        return self.source != DEFAULT


def listed(*paths: Path, environment: Mapping[str, tuple[str, str]] | None = None) -> list[Setting]:
    """All settings in the order of the defaults, those of `paths` laid over them in turn.

    `environment`: setting -> (variable or option, value) that goes before every file. Raises SettingsError as `settings.load` does.
    """
    merged = settings.load(*paths).model_dump(mode="json")
    sources = {key: (DEFAULT, value) for key, value in _flat(tomllib.loads(_defaults())).items()}
    for path in paths:
        sources |= {key: (str(path), value) for key, value in _flat(tomllib.loads(path.read_text("utf-8-sig"))).items()}
    for key, (name, value) in (environment or {}).items():
        sources[key] = (name, value)
    whole = {key: value for key, value in _flat(merged).items() if isinstance(value, dict)}  # laid over key by key
    return [Setting(key, shown(key, whole.get(key, value)), source) for key, (source, value) in sources.items()]


def _defaults() -> str:
    return files("config").joinpath("default.toml").read_text("utf-8")


def _flat(sections: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{section}.{key}": value for section, keys in sections.items() for key, value in keys.items()}


def shown(key: str, value: Any) -> str:
    """A value as TOML writes it: passwords in addresses as ***, and of a webhook only its host."""
    written = _toml(value)
    if key in ADDRESSES:
        return re.sub(r"(https?://)(?:[^/@\"]*@)?([^/?\"]+)[^\"]*", r"\1\2/…", written)
    return masked(written) if "://" in written else written


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {_toml(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
