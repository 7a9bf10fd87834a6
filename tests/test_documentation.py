"""Docs and code together: what the code has, the docs name; what the docs name, there is."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer

from allocation import suggest
from allocation.unplanned import Unplanned
from forecasting import inflation
from jobs import cli, exports, planning, star_lists, strategies
from ordering import frames, settings
from ordering.accounts import MAY, PERMITS, WORDS, Permission, Role
from ordering.answers import GROUNDS, Verdict
from ordering.conduct import Habit, Reaction, Signal, Trend
from ordering.model import Decision, LevelReason, Measure, Reason
from ordering.personal import TABLES, Fate
from ordering.review import CODES
from web.refusals import Refusal

CONDUCT = ("Answers to a flag", "Reasons of an answer", "Habits", "Signals")
ROOT = Path(__file__).resolve().parents[1]
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
PAGES = (*READMES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """The part of a page below a heading, up to the next of the same or a higher rank."""
    rank = heading.index(" ")
    found = re.search(rf"^{re.escape(heading)}\b.*?$(.*?)(?=^#{{1,{rank}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of the Markdown tables in `text`, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    ruled = {number for number, line in enumerate(lines) if line.startswith("|---")}
    body = [line for number, line in enumerate(lines) if not {number, number + 1} & ruled]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in body]


def first_codes(text: str) -> list[str]:
    """What stands in backticks in the first cell of each row."""
    return [code for row in rows(text) for code in re.findall(r"`([^`]+)`", row[0])]


def test_the_table_reader_sees_rows_and_not_headings() -> None:
    assert rows("| a | b |\n|---|---|\n| `x` | 1 |\n| `y` | 2 |\n") == [["`x`", "1"], ["`y`", "2"]]
    assert first_codes("| a |\n|---|\n| `x` and `y` |\n") == ["x", "y"]


# settings


def defaults() -> dict[str, Any]:
    sections = tomllib.loads(read("config/default.toml"))
    return {f"{name}.{key}": value for name, keys in sections.items() for key, value in keys.items()}


def test_every_setting_stands_in_the_docs_with_its_default_and_a_line() -> None:
    told = {row[0].strip("`"): row[1:] for row in rows(read("docs/settings.md"))}
    assert {key: tomllib.loads(f"value = {row[0].strip('`')}")["value"] for key, row in told.items()} == defaults()
    assert [key for key, row in told.items() if len(row[1]) < 20] == []


def test_the_example_of_a_settings_file_is_accepted(tmp_path: Path) -> None:
    example = re.findall(r"```toml\n(.*?)```", read("docs/settings.md"), re.DOTALL)
    assert len(example) == 1
    (tmp_path / "trueorder.toml").write_text(example[0], "utf-8")
    loaded = settings.load(tmp_path / "trueorder.toml")
    assert loaded.allocation.weight(5) == 8
    assert loaded != settings.load()


# glossary


def test_every_reason_stands_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## Reasons of a line")) == [reason.value for reason in Reason]


def test_every_refusal_of_the_desk_stands_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## Refusals of the desk")) == list(Refusal)


def test_every_reason_of_a_flag_stands_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## Reasons of a flag")) == list(inflation.REASONS)


def test_every_word_of_answers_habits_and_signals_stands_once_in_the_glossary() -> None:
    told = {heading: first_codes(section(read("docs/glossary.md"), f"## {heading}")) for heading in CONDUCT}
    habits = [str(code) for kind in (Habit, Trend, Reaction) for code in kind if code != "cannot_tell"]
    assert told["Answers to a flag"] == list(Verdict)
    assert told["Reasons of an answer"] == list(GROUNDS)
    assert told["Habits"] == [*habits, "cannot_tell"]
    assert told["Signals"] == list(Signal)


def test_every_reason_of_a_suggestion_stands_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## Reasons of a suggestion")) == list(suggest.CODES)


def test_everything_that_stands_in_the_way_of_a_plan_stands_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## What stands in the way of a plan")) == list(Unplanned)


def test_every_measure_and_reason_of_a_level_stands_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## Star levels")) == list(Measure)
    assert first_codes(section(read("docs/glossary.md"), "## Reasons of a level")) == list(LevelReason)


def test_every_decision_and_its_reasons_stand_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## Decisions on a suggestion")) == [decision.value for decision in Decision]
    assert first_codes(section(read("docs/glossary.md"), "## Reasons of a decision")) == list(CODES)


def test_every_role_and_permission_stands_once_in_the_glossary() -> None:
    assert first_codes(section(read("docs/glossary.md"), "## Roles")) == list(Role) == list(WORDS)
    told = {row[0].strip("`"): row[2] for row in rows(section(read("docs/glossary.md"), "## Permissions"))}
    assert list(told) == list(Permission)
    assert told == {permission: english for permission, (english, _) in PERMITS.items()}


def test_the_matrix_of_permissions_is_that_of_the_code() -> None:
    page = section(read("docs/privacy.md"), "## Who may do what")
    heading = next(line for line in page.splitlines() if line.startswith("| permission"))
    assert re.findall(r"`([^`]+)`", heading) == list(Role)
    told = {row[0].strip("`"): {role for role, cell in zip(Role, row[1:], strict=True) if cell} for row in rows(page)}
    assert told == {permission: {role for role in Role if permission in MAY[role]} for permission in Permission}


def test_every_table_with_personal_data_is_told_of_with_what_a_deletion_does() -> None:
    page = section(read("docs/privacy.md"), "## What is kept, and what becomes of it")
    told = {row[0].strip("`"): row[3] for row in rows(page)}
    said = {name: ", ".join(f"`{c}`" for c in held.cleared) for name, held in TABLES.items() if held.fate is not Fate.NOBODYS}
    assert told == {name: f"{TABLES[name].fate}{': ' if columns else ''}{columns}" for name, columns in said.items()}
    nobodys = next(line for line in page.splitlines() if line.startswith("No row of these"))
    assert re.findall(r"`(\w+)`", nobodys.partition(".")[0]) == [name for name, held in TABLES.items() if held.fate is Fate.NOBODYS]


def test_every_rate_stands_in_the_glossary_under_both_its_names() -> None:
    registry = tomllib.loads(read("config/metrics.toml"))["metric"]
    told = [(row[0].strip("`"), row[1]) for row in rows(section(read("docs/glossary.md"), "## Rates"))]
    assert told == [(metric["name"], metric["chinese"]) for metric in registry]


@pytest.mark.parametrize(
    "heading",
    [
        "People and things",
        "Orders and bounds",
        "Demand",
        "Sharing out",
        "Star levels",
        "Reasons of a level",
        "Reasons of a line",
        "Refusals of the desk",
        "Reasons of a flag",
        *CONDUCT,
        "Reasons of a suggestion",
        "What stands in the way of a plan",
        "Reasons of a decision",
        "Users and rights",
        "Roles",
        "Permissions",
        "Rates",
    ],
)
def test_every_term_has_a_chinese_name_and_a_meaning(heading: str) -> None:
    told = rows(section(read("docs/glossary.md"), f"## {heading}"))
    assert told
    assert [row[0] for row in told if len(row) != 3 or not re.search(r"[\u4e00-\u9fff]", row[1]) or len(row[2]) < 10] == []


# files


@pytest.mark.parametrize("table", frames.CONTRACT.values(), ids=lambda table: table.name)
def test_every_file_of_a_city_is_described_column_by_column(table: frames.Table) -> None:
    text = section(read("docs/data.md"), f"### {table.file}")
    told = rows(text)
    assert [row[0].strip("*") for row in told] == table.names
    assert [row[0].strip("*") for row in told if row[0].startswith("**")] == list(table.key)
    assert [row[0].strip("*") for row in told if row[1].startswith("*optional*")] == [c.name for c in table.columns if not c.required]
    assert ("*Optional file.*" in text) == (table.name not in frames.REQUIRED_FILES)


def test_the_docs_describe_no_file_that_is_not_read() -> None:
    assert re.findall(r"^### (\w+)\.csv$", read("docs/data.md"), re.MULTILINE) == list(frames.CONTRACT)


# tasks and commands


def tasks() -> dict[str, str]:
    """The tasks of the Makefile that carry a line, by name."""
    return dict(re.findall(r"^([a-z][a-z-]*):.*?## (.+)$", read("Makefile"), re.MULTILINE))


def test_make_alone_lists_every_task_with_its_line() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()] == [[name, says] for name, says in tasks().items()]


def test_every_public_target_of_the_makefile_is_a_listed_task() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == set(tasks())


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_every_task_stands_in_the_readme(page: Path) -> None:
    told = [code for code in first_codes(page.read_text("utf-8")) if code.startswith("make")]
    assert sorted(told) == sorted(["make", *(f"make {task}" for task in tasks() if task != "help")])


def options() -> dict[str, set[str]]:
    """The options of every command of the command line, by command."""
    found: dict[str, set[str]] = {}

    def walk(name: str, command: Any) -> None:
        for child, below in getattr(command, "commands", {}).items():
            walk(f"{name} {child}", below)
        if not hasattr(command, "commands"):
            found[name] = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")} - {"--help"}

    walk("trueorder", typer.main.get_command(cli.app))
    return found


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_every_command_stands_in_the_readme_with_its_options(page: Path) -> None:
    told = {}
    for row in rows(page.read_text("utf-8")):
        if row[0].startswith("`trueorder"):
            name = re.sub(r"( [A-Z]+)+$", "", row[0].strip("`"))
            told[name] = set(re.findall(r"`(--[a-z-]+)", row[1]))
    assert told == options()


def test_every_export_is_described_with_its_columns() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section(read("docs/data.md"), "## Exports"))}
    for what in exports.BY_DIMENSION:
        assert told.pop(what) == f"the dimensions of `--by`, then {', '.join(exports.COLUMNS[what])}"
    assert told == {what: ", ".join(columns) for what, columns in exports.COLUMNS.items() if what not in exports.BY_DIMENSION}


def test_every_plan_is_described_with_its_columns() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section(read("docs/data.md"), "## Plans"))}
    plans = {"weeks": planning.WEEK_COLUMNS, "strategy": strategies.LEVEL_COLUMNS, "quotas": strategies.QUOTA_COLUMNS}
    assert told == {what: ", ".join(columns) for what, columns in plans.items()}


def test_the_list_of_star_levels_is_described_with_its_columns() -> None:
    assert f"\n{', '.join(star_lists.COLUMNS)}.\n" in section(read("docs/data.md"), "## Lists of star levels")


def commands(page: Path) -> Counter[str]:
    """What a reader is told to type: lines of shell blocks, and `trueorder …`, `make …` and options in the text."""
    text = page.read_text("utf-8")
    blocks = [line.strip() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return Counter([*blocks, *re.findall(r"`((?:trueorder|make|--)[^`]*)`", text)])


def test_both_readmes_tell_the_same_commands() -> None:
    english, chinese = (commands(page) for page in READMES)
    assert english == chinese
    assert len(english) > 20


# links


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](page.md#one) [b](page.md#two) [c](gone.md) [d](https://example.org/)\n", "utf-8")
    assert broken_links(page) == ["page.md#two", "gone.md"]


def test_every_decision_record_is_listed_and_numbered_in_a_row() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    listed = re.findall(r"\]\(adr/([^)]+)\)", section(read("docs/architecture.md"), "## Decisions"))
    assert listed == [record.name for record in records]


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda record: record.name)
def test_every_decision_record_tells_context_choice_and_cost(record: Path) -> None:
    headings = re.findall(r"^## (.+)$", record.read_text("utf-8"), re.MULTILINE)
    assert headings[:3] == ["Context", "Choice", "What it costs"]
