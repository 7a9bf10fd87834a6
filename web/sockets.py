"""Where the processes of the service listen: each at a socket of its own, all at one address, so that each gets its share.

Of one socket that all share, whoever wakes first takes most connections: of 64 to four processes (benchmarks/desk) one had 37 and one none,
with sockets of their own each had 11 to 19.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True)
class _Own:
    """Stands for a socket until it comes to a process, where it is one of its own."""

    family: socket.AddressFamily
    address: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound, (self.family, self.address)


def each(shared: socket.socket) -> socket.socket:
    """What gives every process that it is sent to a socket at the address of `shared`, which is closed; `shared` itself where the system
    does not spread connections over sockets."""
    if sys.platform != "linux":
        return shared
    own = _Own(shared.family, shared.getsockname())
    shared.close()
    return cast(socket.socket, own)


def _bound(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    """A socket at an address at which others of this user listen too."""
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind(address)
    return found
