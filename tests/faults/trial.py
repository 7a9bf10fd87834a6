"""One process of trials: `python -m tests.faults.trial JSON`, started by the runner; a line of JSON per trial goes up the pipe."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.faults import harness


def main(task: dict[str, Any]) -> None:
    """Run the trials of a task: file, url, folder, seed, first, count, and the descriptor of the pipe."""
    place = harness.Place(task["url"], Path(task["folder"]), task["seed"])
    with os.fdopen(task["pipe"], "w", encoding="utf-8") as pipe:
        for outcome in harness.outcomes(harness.load(Path(task["file"])), place, task["first"], task["count"]):
            print(json.dumps(_told(outcome)), file=pipe, flush=True)


def _told(outcome: harness.Outcome) -> dict[str, Any]:
    """As the runner reads it; what failed is printed whole as well, into the log."""
    message = ""
    if outcome.failed is not None:
        traceback.print_exception(outcome.failed)
        message = f"{type(outcome.failed).__name__}: {outcome.failed}"[:2000]
    figures = {name: float(value) for name, value in outcome.figures.items()}
    return {"figures": figures, "seconds": round(outcome.seconds, 3), "failed": message, "skipped": outcome.skipped}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
