"""Who may import whom: the contract of pyproject.toml, and the proof that it would notice a breach."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ROOMS = PYPROJECT["tool"]["importlinter"]["root_packages"]
LAYERS, PURE, STORED = (contract["name"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"][:3])
SQL_PLACES = ("ordering/database/", "ordering/migrations/", "ordering/tables/", "ordering/history.py")


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    """Runs the import contract over the packages that lie in `house`."""
    run = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    return subprocess.run([sys.executable, "-c", run], cwd=house, capture_output=True, text=True, timeout=60, check=False)


def copied(house: Path) -> Path:
    """The rooms' Python files and the contract, put into `house`, where a test may break them."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, house / room, ignore=lambda folder, names: [n for n in names if not _python(folder, n)])
    shutil.copy(ROOT / "pyproject.toml", house)
    return house


def _python(folder: str, name: str) -> bool:
    return name.endswith(".py") or ((Path(folder) / name).is_dir() and name != "__pycache__")


def test_every_room_keeps_to_the_contract() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_with_code_stands_in_the_contract() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages == set(ROOMS)


def test_an_untouched_copy_keeps_to_the_contract(tmp_path: Path) -> None:
    """Without this, the breaches below might fail for a reason of the copying."""
    done = lint(copied(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("room", "breach", "contract"),
    [
        ("forecasting", "import allocation", LAYERS),
        ("allocation", "import forecasting", LAYERS),
        ("ordering", "import forecasting", LAYERS),
        ("allocation", "from jobs import cli", LAYERS),
        ("forecasting", "import sqlalchemy", PURE),
        ("allocation", "from ordering import database", PURE),
        ("jobs", "import web", LAYERS),
        ("web", "from forecasting import demand", STORED),
        ("web", "import sqlalchemy", STORED),
    ],
)
def test_a_breach_is_refused_and_its_contract_named(tmp_path: Path, room: str, breach: str, contract: str) -> None:
    house = copied(tmp_path)
    (house / room / "breach.py").write_text(breach + "\n", "utf-8")
    done = lint(house)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.rstrip().endswith("BROKEN")]
    assert any(contract in line for line in broken), done.stdout
    assert f"{room}.breach" in done.stdout


def sql_users(house: Path) -> list[str]:
    """Files of the rooms that import sqlalchemy or alembic, other than those whose work it is."""
    files = sorted(path for room in ROOMS for path in (house / room).rglob("*.py"))
    names = {path.relative_to(house).as_posix(): _imported(path) for path in files}
    return [name for name, found in names.items() if found & {"sqlalchemy", "alembic"} and not name.startswith(SQL_PLACES)]


def _imported(path: Path) -> set[str]:
    """The top-level modules that a file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module.partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def test_sql_is_written_in_one_place() -> None:
    assert sql_users(ROOT) == []


def test_sql_written_elsewhere_would_be_noticed(tmp_path: Path) -> None:
    house = copied(tmp_path)
    (house / "jobs" / "hasty.py").write_text(
        "def rows(tx):\n    from sqlalchemy import text\n    return tx.execute(text('select 1'))\n", "utf-8"
    )
    assert sql_users(house) == ["jobs/hasty.py"]
