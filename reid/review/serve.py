"""Serving the page on this machine alone."""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from collections.abc import Iterator

import uvicorn

from reid.errors import ConfigError
from reid.review.app import make_app
from reid.review.desk import Desk
from reid.review.security import ENTRY, Guard, new_token

__all__ = ["Served", "serve", "serving"]

HOST = "127.0.0.1"


class Served:
    """A page that is ready to be served.

    Args:
        desk: What it shows.
        port: To listen on; 0 for any that is free.

    Raises:
        ConfigError: The port is taken.
    """

    def __init__(self, desk: Desk, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((HOST, port))
            self.socket.listen(128)  # who comes before the server is up waits, and is not turned away
        except OSError as error:
            self.socket.close()
            raise ConfigError(f"port={port} cannot be used: {error.strerror}. Name another, or 0 for any.") from None
        self.guard = Guard(new_token(), self.socket.getsockname()[1])
        config = uvicorn.Config(
            make_app(desk, self.guard), log_level="critical", access_log=False, proxy_headers=False, server_header=False,
            lifespan="off", ws="none", timeout_graceful_shutdown=2,
        )  # fmt: skip
        self.server = uvicorn.Server(config)

    @property
    def home(self) -> str:
        """The page's address without its token."""
        return f"http://{HOST}:{self.guard.port}"

    @property
    def address(self) -> str:
        """What to open in the browser."""
        return f"{self.home}{ENTRY}?token={self.guard.token}"

    def run(self) -> None:
        """Serve until stopped."""
        self.server.run(sockets=[self.socket])


def serve(desk: Desk, port: int, browser: bool) -> None:
    """Serve until the user stops it with Ctrl+C.

    Args:
        desk: What to show.
        port: To listen on; 0 for any that is free.
        browser: Whether to open it.
    """
    served = Served(desk, port)
    print(f"Review: {served.address}\nOnly this machine, and only with this address. Stop with Ctrl+C.", flush=True)
    if browser:
        threading.Timer(0.6, webbrowser.open, [served.address]).start()
    with contextlib.suppress(KeyboardInterrupt):
        served.run()


@contextlib.contextmanager
def serving(desk: Desk, port: int = 0) -> Iterator[Served]:
    """Serve in a thread, for tests and measurements."""
    served = Served(desk, port)
    thread = threading.Thread(target=served.run, daemon=True)
    thread.start()
    try:
        for _ in range(500):
            if served.server.started:
                break
            thread.join(0.01)
        yield served
    finally:
        served.server.should_exit = True
        thread.join(10)
