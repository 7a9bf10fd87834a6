"""The measurement of deciding on many suggestions does on both databases what it says."""

from __future__ import annotations

from benchmarks import review
from ordering import database


def test_it_times_lists_acceptances_and_exact_undoings(db: database.Database) -> None:
    review.fill(db, lines=300, city=1000)
    seconds = review.measure(db, 300, runs=2)
    assert {what: len(times) for what, times in seconds.items()} == {"list": 2, "accept": 2, "undo": 2}
    assert all(time > 0 for times in seconds.values() for time in times)
