"""Each process of the service gets a socket of its own, all at one address."""

from __future__ import annotations

import pickle
import socket
import sys

import pytest

from web import sockets


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all share one")
def test_what_arrives_in_each_process_listens_at_the_same_address_and_gets_its_share() -> None:
    shared = socket.socket()
    shared.bind(("127.0.0.1", 0))
    address = shared.getsockname()
    sent = pickle.dumps(sockets.each(shared))
    own = [pickle.loads(sent) for _ in range(4)]
    for one in own:
        one.listen(256)
        one.settimeout(0.2)
    clients = [socket.create_connection(address) for _ in range(200)]
    got = [_accepted(one) for one in own]
    assert sum(got) == len(clients)
    assert min(got) >= 20  # of 50 expected; below 20 by chance once in ten million
    for one in (*clients, *own):
        one.close()


def _accepted(listening: socket.socket) -> int:
    count = 0
    while True:
        try:
            listening.accept()[0].close()
        except TimeoutError:
            return count
        count += 1
