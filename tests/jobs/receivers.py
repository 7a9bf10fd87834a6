"""Real receivers on this machine: a web server and a mail server that keep what they get, fail, hang, dribble or answer late as told."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Web:
    """What a web server got: (headers, body), one per request; `manner`: how it answers the requests that come next."""

    url: str = ""
    manner: str = "well"
    late: float = 0.0
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The ids of the notices it got, in order."""
        return [body["id"] for _, body in self.got]


@contextmanager
def web() -> Iterator[Web]:
    """A web server while the block lasts."""
    kept = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            manner = kept.manner
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((dict(self.headers), json.loads(body) | {"raw": body}))
            if manner == "hang":
                time.sleep(kept.late)
            elif manner == "dribble":
                for sign in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
                    self.wfile.write(bytes([sign]))
                    self.wfile.flush()
                    time.sleep(0.05)
            elif manner == "redirect":
                self.send_response(302)
                self.send_header("Location", kept.url)
                self.end_headers()
            elif manner != "cut":
                self.send_response(200 if manner == "well" else 500)
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook?key=s3cret-key"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mail:
    """What a mail server got: whole mails; `manner`: how it behaves from now on."""

    port: int = 0
    manner: str = "well"
    got: list[str] = field(default_factory=list)


class _Smtp(socketserver.StreamRequestHandler):
    """Enough of SMTP to take mail, in the manner that its server was told."""

    kept: Mail

    def say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")

    def handle(self) -> None:
        if self.kept.manner == "hang":
            time.sleep(3)
            return
        if self.kept.manner == "dribble":
            for sign in b"220 " + b"x" * 60:
                self.wfile.write(bytes([sign]))
                time.sleep(0.05)
            return
        self.say("220 here")
        while (line := self.rfile.readline().decode().strip()) and self.answer(line.split()[0].upper()):
            pass

    def answer(self, word: str) -> bool:
        """Answer a command; False where it was the last."""
        if word == "DATA":
            self.say("354 go on")
            self.kept.got.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
            self.say("250 kept" if self.kept.manner == "well" else "451 later")
        elif word == "RCPT" and self.kept.manner == "refuse":
            self.say("550 nobody here of that name")
        else:
            self.say("221 bye" if word == "QUIT" else "250 well")
        return word != "QUIT"


@contextmanager
def mail() -> Iterator[Mail]:
    """A mail server while the block lasts."""
    kept = Mail()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, *_: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), type("Handler", (_Smtp,), {"kept": kept})) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
