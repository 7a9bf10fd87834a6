"""Settings with their sources: every one of them, the last that gives it, and no secret among them."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from ordering import settings_sources
from ordering.errors import SettingsError


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_every_setting_is_listed_once_with_its_default() -> None:
    sections = tomllib.loads(files("config").joinpath("default.toml").read_text("utf-8"))
    found = settings_sources.listed()
    assert [one.key for one in found] == [f"{name}.{key}" for name, keys in sections.items() for key in keys]
    assert {tomllib.loads(f"v = {one.value}")["v"] == sections[one.key.split(".")[0]][one.key.split(".")[1]] for one in found} == {True}
    assert not any(one.changed for one in found)


def test_the_last_file_that_gives_a_setting_is_its_source_and_the_environment_goes_before_all(tmp_path: Path) -> None:
    first = write(tmp_path / "a.toml", '[city]\nname = "甲"\n[allocation]\nsalt = "x"\nweights = { 1 = 2 }\n')
    second = write(tmp_path / "b.toml", '[city]\nname = "乙"\n[allocation]\nweights = { 5 = 8 }\n')
    found = {one.key: one for one in settings_sources.listed(first, second, environment={"database.url": ("VARIABLE", "sqlite:///x.db")})}
    assert (found["city.name"].value, found["city.name"].source) == ('"乙"', str(second))
    assert (found["allocation.salt"].source, found["allocation.policy"].source) == (str(first), "default")
    assert found["allocation.weights"].value == "{ 1 = 2.0, 5 = 8.0 }"
    assert (found["database.url"].value, found["database.url"].source) == ('"sqlite:///x.db"', "VARIABLE")
    assert {one.key for one in found.values() if one.changed} == {"city.name", "allocation.salt", "allocation.weights", "database.url"}


def test_passwords_and_the_paths_of_webhooks_are_masked(tmp_path: Path) -> None:
    text = '[database]\nurl = "postgresql://u:p4ssw0rd@h/x"\n[notices]\nwebhook_url = "https://u:p4ssw0rd@hook.example/t0ken?key=t0ken"\n'
    text += '[alerts]\nwebhook_url = "env:ALERT_HOOK"\nwebhook_secret = "env:ALERT_KEY"\n'
    found = {one.key: one.value for one in settings_sources.listed(write(tmp_path / "a.toml", text))}
    assert found["database.url"] == '"postgresql://u:***@h/x"'
    assert found["notices.webhook_url"] == '"https://hook.example/…"'
    assert found["alerts.webhook_url"] == '"env:ALERT_HOOK"'
    assert found["alerts.webhook_secret"] == '"env:ALERT_KEY"'


def test_a_wrong_file_is_told_as_loading_it_would(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"inbox\.settle: there is no such setting"):
        settings_sources.listed(write(tmp_path / "a.toml", "[inbox]\nsettle = 3\n"))
