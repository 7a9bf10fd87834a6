"""The operations page is true: its commands run as they stand, in their order, and its units are accepted by systemd."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import cli
from tests.test_documentation import READMES, ROOT, options, rows

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
UNITS = sorted((ROOT / "docs" / "systemd").glob("*.service")) + sorted((ROOT / "docs" / "systemd").glob("*.timer"))


PASSWORD = "a long enough one\n" * 2
LASTING = {"trueorder serve", "trueorder inbox watch"}
"""Commands that go on until they are stopped."""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{re.escape(kind)}\n(.*?)```", PAGE, re.DOTALL)


def commands() -> list[list[str]]:
    """The words of each command of the blocks for the user of the service, in their order."""
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


def name_of(words: list[str]) -> str:
    """The command without options and arguments, as `options` names it."""
    plain = [word for word in words[1:] if not word.startswith(("-", "sqlite:", "postgresql:"))]
    return max((name for name in options() if " ".join(["trueorder", *plain]).startswith(name)), key=len, default="")


RUN = [words for words in commands() if name_of(words) not in LASTING]


def test_every_command_of_the_page_is_one() -> None:
    assert len(commands()) > 15
    assert [words for words in commands() if not name_of(words)] == []
    for words in RUN:
        used = {word for word in words if word.startswith("--")} - set(cli.GLOBAL)
        assert used <= options()[name_of(words)], words


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_commands_named_in_the_text_are_in_the_readme(page: Path) -> None:
    told = {re.sub(r"( [A-Z]+)+$", "", row[0].strip("`")) for row in rows(page.read_text("utf-8")) if row[0].startswith("`trueorder")}
    named = {re.split(r" [A-Z-]", found)[0] for found in re.findall(r"`(trueorder [a-z][^`]*)`", PAGE)}
    assert named - told == set()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A working folder, and the surroundings of the example file with its folders there."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "trueorder.toml").touch()
    (folder / "cache").mkdir()
    text = (ROOT / "docs" / "systemd" / "environment").read_text("utf-8")
    for place, here in {"/var/lib/trueorder": folder, "/etc/trueorder": folder, "/var/cache/trueorder": folder / "cache"}.items():
        text = text.replace(place, str(here))
    told = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert set(told) >= {"TRUEORDER_DATABASE", "TRUEORDER_SETTINGS", "NUMBA_CACHE_DIR"}
    del told["NUMBA_CACHE_DIR"]  # what is compiled already need not be compiled for this test
    return folder, {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **told}


def test_the_commands_of_the_page_run_in_their_order(service: tuple[Path, dict[str, str]]) -> None:
    folder, environment = service
    for words in RUN:
        command = [sys.executable, "-m", "jobs.cli", *words[1:]]
        done = subprocess.run(
            command, cwd=folder, env=environment, input=PASSWORD, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stdout}{done.stderr}"
    assert (folder / "report" / "index.html").exists()


def test_blocks_for_root_are_sound_shell_and_name_files_that_exist() -> None:
    found = blocks("sh root")
    assert len(found) >= 4
    for block in found:
        assert subprocess.run(["bash", "-n"], input=block, text=True, check=False, capture_output=True).stderr == ""
        for word in re.findall(r"(?<![/\w])(docs/\S+|requirements\S+)", block):
            assert list(ROOT.glob(word)), word


def test_every_unit_is_named_on_the_page_and_starts_what_there_is() -> None:
    assert len(UNITS) == 5
    assert [unit.name for unit in UNITS if unit.name not in PAGE and unit.stem not in PAGE] == []
    kept_in = re.compile(r"^(?:No|Cap|Amb|Prot|Priv|Restrict|Lock|Remove|System)\w+=.*$", re.MULTILINE)
    services = [kept_in.findall(unit.read_text("utf-8")) for unit in UNITS if unit.suffix == ".service"]
    assert len(services[0]) > 15
    assert all(lines == services[0] for lines in services), "one service may do more than another"


def verified(folder: Path, **changes: str) -> str:
    """What systemd says of the units, the program in them replaced by one that is there."""
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/trueorder/bin/trueorder", "/bin/true")
        for old, new in changes.items():
            text = text.replace(old, new)
        (folder / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(map(str, folder.iterdir()))], capture_output=True, text=True, check=False, timeout=60
    )
    return "\n".join(line for line in done.stderr.splitlines() if str(folder) in line or "trueorder" in line)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    assert verified(tmp_path) == ""
    assert "ProtectSystm" in verified(tmp_path, ProtectSystem="ProtectSystm"), "a mistake would be noticed"
