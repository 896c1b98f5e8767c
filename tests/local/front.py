"""A gateway as a process of its own, in front of small real servers that say what reached them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import catalog, ports
from local.oidc import Issuer

TASKS = "tasks@reelay-local.iam.gserviceaccount.com"
SCHEDULER = "scheduler@reelay-local.iam.gserviceaccount.com"
ORIGIN = "http://localhost:3000"
CHUNK = b"\0" * 65536


class Echo(BaseHTTPRequestHandler):
    """Answers every request with what it saw of it, as JSON."""

    protocol_version = "HTTP/1.1"
    cut_off = threading.Event()

    def _read(self) -> int:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            size_bytes = 0
            while length := int(self.rfile.readline() or b"0", 16):
                size_bytes += len(self.rfile.read(length + 2)) - 2
            self.rfile.readline()
            return size_bytes
        expected = int(self.headers.get("Content-Length", 0))
        size_bytes = len(self.rfile.read(expected))
        if size_bytes < expected:
            self.cut_off.set()
        return size_bytes

    def _answer(self) -> None:
        seen = {"method": self.command, "target": self.path, "size_bytes": self._read(), "headers": {}}
        seen["headers"] = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "keep-alive")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer

    def log_message(self, *_: Any) -> None:
        """Keep the test's output quiet."""


class EchoServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Requests that break off are part of the tests."""


def serve(port: int) -> EchoServer:
    server = EchoServer(("127.0.0.1", port), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@dataclass
class Front:
    """A running gateway: all functions are one echo server, but `late_port`'s, where nothing listens yet."""

    url: str
    port: int
    late_port: int
    issuer: Issuer
    status_file: Path
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=20))

    def seen(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """What the function saw of the request; it must have been let through."""
        answer = self.client.request(method, self.url + path, **more)
        assert answer.status_code == 200, answer.text
        value: dict[str, Any] = answer.json()
        return value

    def refused(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A refusal by the gateway, checked for its shape."""
        answer = self.client.request(method, self.url + path, **more)
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert body["status"] == answer.status_code
        assert body["message"] == body["detail"]
        assert re.fullmatch("[0-9a-f]{32}", body["request_id"])
        return answer


def running_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A fixture's function: one gateway for a test module."""
    directory = tmp_path_factory.mktemp("gateway")
    chosen = ports.choose(["gateway", "echo", "late"], {})
    functions = {name: chosen["late"] if name == "get_profile" else chosen["echo"] for name in catalog.load()}
    url = f"http://127.0.0.1:{chosen['gateway']}"
    config = {
        "base_url": url,
        "port": chosen["gateway"],
        "ports": functions,
        "allowed_origins": [ORIGIN],
        "accounts": {"tasks": TASKS, "scheduler": SCHEDULER},
        "oidc_key": str(directory / "oidc.pem"),
        "status_file": str(directory / "status.json"),
    }
    (directory / "gateway.json").write_text(json.dumps(config))
    issuer = Issuer.load(directory / "oidc.pem")
    echo = serve(chosen["echo"])
    command = [sys.executable, "-m", "local.gateway", "--config", str(directory / "gateway.json")]
    with subprocess.Popen(command, cwd=catalog.ROOT) as process:
        wait_for_port(chosen["gateway"])
        front = Front(url, chosen["gateway"], chosen["late"], issuer, directory / "status.json")
        yield front
        front.client.close()
        process.terminate()
    echo.shutdown()
    echo.server_close()


def wait_for_port(port: int) -> None:
    for _ in range(200):
        if not ports.is_free(port):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")
