"""The wheel, installed away from the source: everything that is needed is inside, and the command starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ROOMS = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing else."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip("wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels))
    pip("install", "--no-deps", "--no-compile", "--target", str(target), *map(str, wheels.glob("trueorder-*.whl")))
    return target


def run(installed: Path, *command: str) -> str:
    """What a command prints that is run outside the source with the installed wheel before everything else."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(command, cwd=installed.parent, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_every_room_is_in_the_wheel(installed: Path) -> None:
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    wanted = {path.relative_to(ROOT) for path in files}
    assert {path for path in wanted if not (installed / path).is_file()} == set()
    assert Path("config/default.toml") in wanted


def test_settings_are_read_from_the_wheel(installed: Path) -> None:
    code = "import ordering.settings as s; print(s.__file__); print(s.load().city.name)"
    module, name = run(installed, sys.executable, "-c", code).splitlines()
    assert Path(module).is_relative_to(installed)
    assert name


def test_the_command_starts_from_the_wheel(installed: Path) -> None:
    said = run(installed, str(installed / "bin" / "trueorder"), "--help")
    assert all(command in said for command in ("init", "import", "sample", "nightly", "publish", "export", "report"))


@pytest.mark.parametrize(("lock", "extras"), [("requirements.lock", ["build"]), ("requirements-dev.lock", ["build", "dev"])])
def test_every_dependency_is_pinned_with_hashes_and_no_registry_is_named(lock: str, extras: list[str]) -> None:
    text = (ROOT / lock).read_text("utf-8")
    pinned = {name for name, _ in re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE)}
    project = PYPROJECT["project"]
    asked = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    assert {re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in asked} - pinned == set()
    entries = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.search(r"https?:|--index-url|--extra-index-url|--find-links", text) is None
