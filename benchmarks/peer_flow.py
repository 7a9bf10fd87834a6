"""The largest flow by OR-tools: `python peer_flow.py PAIRS.npz`, one thread, prints one line of JSON.

PAIRS has retailer, brand, wanted of every pair, total of every retailer, supply of every brand, as `benchmarks.coupled` writes them.
Cartons flow from a source through retailers and brands to a sink. Nothing of the project is imported here; OR-tools is in none of its
environments:

    python -m venv flow && flow/bin/pip install --group flow
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from ortools.graph.python import max_flow


def main() -> None:
    pairs = np.load(sys.argv[1])
    shops, brands = len(pairs["total"]), len(pairs["supply"])
    began = time.perf_counter()
    flow, source, sink = max_flow.SimpleMaxFlow(), shops + brands, shops + brands + 1
    flow.add_arcs_with_capacity(
        np.concatenate([np.full(shops, source), pairs["retailer"], shops + np.arange(brands)]).astype(np.int32),
        np.concatenate([np.arange(shops), shops + pairs["brand"], np.full(brands, sink)]).astype(np.int32),
        np.concatenate([pairs["total"], pairs["wanted"], pairs["supply"]]).astype(np.int64),
    )
    built = time.perf_counter()
    status = flow.solve(source, sink)
    if status != flow.OPTIMAL:
        raise SystemExit(f"no largest flow was found: {status}")
    print(json.dumps({"cartons": flow.optimal_flow(), "build": built - began, "solve": time.perf_counter() - built}))


if __name__ == "__main__":
    main()
