"""The HTTP server: one process, a thread for each connection, one log line for each request."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

ADDRESS = "127.0.0.1"
BACKLOG = 1024


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback interface; port 0 takes a free one. Raises OSError when it is taken."""
    listener = socket.create_server((ADDRESS, port), backlog=BACKLOG)
    listener.set_inheritable(False)
    return listener


def serve_on(listener: socket.socket, app: Callable[..., Any]) -> BaseWSGIServer:
    """werkzeug's threaded server: it reads bodies as the application asks for them, so they need not fit in memory."""
    port = listener.getsockname()[1]
    return make_server(ADDRESS, port, app, threaded=True, request_handler=_Handler, fd=listener.fileno())


def log_line(text: str) -> None:
    """One write() a line: lines of different threads stay whole, and no lock is left held when the process ends."""
    os.write(1, f"{text}\n".encode())


class _Handler(WSGIRequestHandler):
    """Logs `METHOD path status ms`: the path without its query, and without a delivery signature."""

    # Until a request line has been read.
    started_at = 0.0
    command = "-"
    path = "-"

    def run_wsgi(self) -> None:
        self.started_at = time.monotonic()
        super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Called when an answer begins; the milliseconds are those until then."""
        path = re.sub(r"s--[\w-]+--", "s--...--", self.path.partition("?")[0])
        taken_ms = round((time.monotonic() - self.started_at) * 1000) if self.started_at else 0
        log_line(f"{self.command} {path.encode('unicode_escape').decode()} {code} {taken_ms}")

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """The client went away, or a fault made this host hang up: then it is this call that closes the connection."""
        self.close_connection = True
        log_line(f"{self.command} - dropped {type(error).__name__}")
