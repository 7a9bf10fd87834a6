"""Work spread over processes: the same results whoever does it, also where a process is killed in the middle."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from forecasting.workers import Watch, Workers
from ordering.errors import TrueOrderError


def _squared(number: int) -> int:
    return number * number


def _killed_once(given: tuple[int, str]) -> int:
    """The square; whoever is the first to see the number 3 is killed."""
    number, file = given
    if number == 3 and not Path(file).exists():
        Path(file).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def _killed(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def _refused(number: int) -> int:
    raise ValueError(f"no {number}")


def test_results_stand_in_the_order_of_the_arguments_and_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    for count in (1, 2):
        with Workers(count, Watch(lambda done, total: told.append((done, total)))) as over:
            assert over.map(_squared, range(5)) == [0, 1, 4, 9, 16]
            assert over.map(_squared, []) == []
    assert told == 2 * [(done, 5) for done in range(1, 6)]


def test_the_work_of_a_killed_process_is_done_again_and_told(tmp_path: Path) -> None:
    said: list[str] = []
    with Workers(2, Watch(say=said.append)) as over:
        assert over.map(_killed_once, [(number, str(tmp_path / "killed")) for number in range(6)]) == [n * n for n in range(6)]
        assert over.map(_squared, [7, 8]) == [49, 64], "the fresh processes go on"
    assert len(said) == 1
    assert "a worker process was killed" in said[0]
    assert "一个工作进程被终止" in said[0]


def test_work_that_kills_every_process_is_given_up_in_words() -> None:
    with Workers(2) as over, pytest.raises(TrueOrderError, match=r"were killed 4 times in a row.* set nightly\.workers"):
        over.map(_killed, range(2))


@pytest.mark.parametrize("count", [1, 2])
def test_what_the_work_raises_is_raised(count: int) -> None:
    with Workers(count) as over, pytest.raises(ValueError, match="no 1"):
        over.map(_refused, [1])
