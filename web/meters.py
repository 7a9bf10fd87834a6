"""What the service counts, for Prometheus. Several processes write side by side where PROMETHEUS_MULTIPROC_DIR names a folder.

That variable must be set before this module is read, and the folder be empty when the service starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Bounds of the latency histogram; the goal is 0.05 for 99 of 100 quotes."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client says no type of it
OWN = CollectorRegistry()
REQUESTS = Counter("trueorder_requests", "Requests by route template, method and status.", ("route", "method", "status"), registry=OWN)
LATENCY = Histogram("trueorder_request_seconds", "Seconds until the answer was sent.", ("route",), buckets=SECONDS, registry=OWN)
QUOTES = Counter("trueorder_quotes", "Quotes by what bound them.", ("reason",), registry=OWN)
CONFIRMED = Counter("trueorder_confirmed_lines", "Order lines confirmed, by mode.", ("mode",), registry=OWN)
REFUSALS = Counter("trueorder_refusals", "Requests refused, by problem code.", ("code",), registry=OWN)
POOL = Gauge("trueorder_database_connections", "Connections of the pool in use.", multiprocess_mode="livesum", registry=OWN)


@dataclass(frozen=True)
class Facts(Collector):
    """Figures looked up when they are asked for, each as (name, help, value); one that is not known is left out."""

    read: Callable[[], list[tuple[str, str, float | None]]]

    def collect(self) -> Iterator[Metric]:
        """The figures as gauges."""
        for name, words, value in self.read():
            if value is not None:
                yield GaugeMetricFamily(f"trueorder_{name}", words, value=value)


def page(facts: Callable[[], list[tuple[str, str, float | None]]]) -> bytes:
    """All that was counted, in all processes, and the facts, in Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(Facts(facts))
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # nor of this
        return generate_latest(registry)
    return generate_latest(OWN) + generate_latest(registry)
