"""Clients of the ordering desk over bare asyncio streams: httpx alone would need more of a core than the service.

Latency is counted from the moment at which a request was due, not from when it was sent, so that a service that stalls is not spared
the requests that would have come meanwhile (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Line:
    """A connection that is kept. `ask` sends a request and gives the status and the body."""

    host: str
    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, token: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, bytes]:
        """The connection is opened anew where the service closed it meanwhile, being idle."""
        if self.writer is None or self.reader is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        data = b"" if body is None else json.dumps(body).encode()
        head = {"Host": self.host, "Authorization": f"Bearer {token}", "Content-Length": str(len(data)), **headers}
        head |= {"Content-Type": "application/json"} if data else {}
        said = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{said}\r\n".encode() + data)
        try:
            return await self._answer()
        except (OSError, asyncio.IncompleteReadError):
            self.writer = None
            return 0, b""

    async def _answer(self) -> tuple[int, bytes]:
        assert self.reader is not None
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0
        return status, await self.reader.readexactly(length)


@dataclass
class Found:
    """What was measured: seconds of each request, how often each status came, and how long it all took."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    span: float = 0.0

    def note(self, due: float, status: int) -> None:
        """One request is done."""
        self.seconds.append(time.perf_counter() - due)
        self.statuses[status] += 1

    def figures(self) -> dict[str, float]:
        """Requests a second, latency in ms (p50, p99, p99.9, most), and the share that failed (no 2xx)."""
        took = np.array(self.seconds or [np.nan]) * 1000
        bad = sum(count for status, count in self.statuses.items() if not 200 <= status < 300)
        p50, p99, p999 = np.percentile(took, [50, 99, 99.9])
        rate = len(self.seconds) / self.span if self.span else 0.0
        return {"requests": len(self.seconds), "rate": rate, "p50": p50, "p99": p99, "p99.9": p999, "most": took.max(), "failed": bad}


Ask = Callable[[Line], Awaitable[int]]
"""Does one request on a connection; gives the status."""


async def open_loop(lines: list[Line], asks: Iterator[Ask], *, rate: float, seconds: float, seed: int = 1) -> Found:
    """Requests at `rate` a second by chance (Poisson), whatever the service does; each waits for a free connection."""
    found, queue = Found(), asyncio.Queue[tuple[float, Ask] | None]()
    workers = [asyncio.create_task(_work(line, queue, found)) for line in lines]
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds))
    began = time.perf_counter()
    for due in began + np.cumsum(gaps):
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        queue.put_nowait((float(due), next(asks)))
    for _ in lines:
        queue.put_nowait(None)
    await asyncio.gather(*workers)
    found.span = time.perf_counter() - began
    return found


async def _work(line: Line, queue: asyncio.Queue[tuple[float, Ask] | None], found: Found) -> None:
    while (job := await queue.get()) is not None:
        due, ask = job
        found.note(due, await ask(line))


async def saturating(lines: list[Line], asks: Iterator[Ask], *, seconds: float) -> Found:
    """Each connection asks again as soon as it was answered."""
    found, began = Found(), time.perf_counter()

    async def go_on(line: Line) -> None:
        while (now := time.perf_counter()) < began + seconds:
            found.note(now, await next(asks)(line))

    await asyncio.gather(*(go_on(line) for line in lines))
    found.span = time.perf_counter() - began
    return found
