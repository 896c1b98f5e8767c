"""A target for tasks and jobs: a small HTTP server that remembers what it was sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Request:
    """One request; `headers` with their names as they came over the wire, `arrived_at` in unix seconds."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    arrived_at: float


@dataclass
class Receiver:
    """What arrived so far, by path; `answers` holds a path's next answers, and then everything is answered 200."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    open_gate: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most_running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, path: str) -> list[Request]:
        return [request for request in list(self.requests) if request.path == path]

    def take(self, request: Request) -> Answer:
        """Answer a request; paths with `gate` in them wait until the gate is open."""
        with self.lock:
            self.requests.append(request)
            self.running += 1
            self.most_running = max(self.running, self.most_running)
            answers = self.answers.get(request.path)
            answer = answers.pop(0) if answers else (200, {})
        if "gate" in request.path:
            self.open_gate.wait(20)
        with self.lock:
            self.running -= 1
        return answer


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver on the loopback address while the context lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers.items()), body, time.time())
            status, headers = receiver.take(request)
            try:
                self.send_response(status)
                for name, value in ({"Content-Length": "0"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
            except ConnectionError:
                return  # the sender was killed meanwhile: that is what some tests do

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.open_gate.set()
            server.shutdown()
            thread.join()


def eventually(condition: Callable[[], object], what: str, seconds: float = 15) -> None:
    """Wait until `condition()` is true; fails the test, saying `what` did not happen, if it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"this did not happen: {what}"
        time.sleep(0.01)
