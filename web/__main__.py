"""The web as `trueorder serve` starts it: `python -m web --host H --port P --workers N`. Its log goes where all others go."""

from __future__ import annotations

import argparse
import os
import tempfile

APP = "web.app:create"


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; requests under way have ten seconds to end."""
    asked = argparse.ArgumentParser(
        prog="python -m web", description="Serve the web; trueorder serve does it with the scheduler beside it."
    )
    asked.add_argument("app", nargs="?", default=APP)
    asked.add_argument("--host", default="127.0.0.1")
    asked.add_argument("--port", type=int, default=8000)
    asked.add_argument("--workers", type=int, default=2)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="trueorder-metrics-") as metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics  # before any module that counts is read: all processes write there
        _serve(given)


def _serve(given: argparse.Namespace) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from jobs import logs
    from web import sockets
    from web.app import settings_here

    logs.configure(settings_here().logging, service=True)
    run = {"host": given.host, "port": given.port, "workers": given.workers, **logs.for_uvicorn()}
    config = uvicorn.Config(given.app, factory=True, access_log=False, timeout_keep_alive=75, timeout_graceful_shutdown=10, **run)
    shared = config.bind_socket()  # ends here where the address is taken
    if given.workers == 1:
        uvicorn.Server(config).run(sockets=[shared])
    else:
        Multiprocess(config, sockets=[sockets.each(shared)]).run()


if __name__ == "__main__":
    main()
