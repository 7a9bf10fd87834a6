"""How often each rule breaks each law, in many random markets: `python -m benchmarks.laws [--examples 2000]`.

The laws are those of the tests (tests/allocation/laws.py), put to the same rules in as many cases each. Where a rule is to keep a law, a
breach is a fault and ends in status 1; the others are counted to say what is not promised. Rationing in proportion to requests, which is
what companies do today, is there to be found out.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.allocation import laws


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--examples", type=int, default=2000)
    examples, start, faults = asked.parse_args().examples, time.perf_counter(), 0
    print(f"breaches in {examples:,} random markets each; those of laws that a rule does not promise are in brackets\n")
    print("| law | " + " | ".join(laws.MODES) + " |")
    print("|---|" + "---:|" * len(laws.MODES))
    for law in laws.LAWS:
        cells = []
        for mode in laws.MODES.values():
            found = laws.breaches(mode.rule, law, mode.kind, examples) if law in mode.judged() else None
            kept = law in mode.keeps
            faults += bool(found) and kept
            cells.append("–" if found is None else f"{found:,}" if kept else f"({found:,})")
        print(f"| {law.__name__.replace('_', ' ')} | " + " | ".join(cells) + " |", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
