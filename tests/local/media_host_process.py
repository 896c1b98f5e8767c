"""The real media host as a child process, and what its clients do: call the SDK, play, receive notifications."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urljoin

import cloudinary
import cloudinary.uploader
import cloudinary.utils
import httpx
import imageio_ffmpeg

from local.catalog import ROOT

CLOUD, KEY, SECRET = "demo", "123456", "media-host-test-secret"
Calls = SimpleQueue[tuple[dict[str, str], str]]  # (headers, body) of each
READY = re.compile(r"media host ready on 127\.0\.0\.1:(\d+)")


class MediaHostProcess:
    """A started host; `log` is what it printed. The SDK's global configuration points at it."""

    def __init__(self, state: Path, *, port: int = 0) -> None:
        self.state = state
        self._log_path = state.with_suffix(".log")
        command = [sys.executable, "-m", "local.media_host", "--port", str(port), "--state", str(state), "--faults"]
        command += ["--cloudinary-url", f"cloudinary://{KEY}:{SECRET}@{CLOUD}"]
        with self._log_path.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        self.port = self._await_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.use()

    def use(self) -> None:
        """Point the SDK at this host."""
        cloudinary.reset_config()
        cloudinary.config(cloud_name=CLOUD, api_key=KEY, api_secret=SECRET, upload_prefix=self.url)

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def set_faults(self, faults: dict[str, object]) -> None:
        httpx.put(f"{self.url}/_local/faults", json=faults, trust_env=False).raise_for_status()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait()

    def kept_files(self) -> list[str]:
        """Names of everything that takes room: videos, what was made of them, arriving bodies, collected chunks."""
        folders = ("files", "posters", "renditions", "incoming", "chunked")
        return sorted(path.name for folder in folders for path in (self.state / folder).iterdir())

    def _await_port(self) -> int:
        while self.process.poll() is None:
            if ready := READY.search(self.log):
                return int(ready[1])
            time.sleep(0.02)
        raise RuntimeError(f"the media host did not start: {self.log}")


@contextmanager
def running_host(state: Path) -> Iterator[MediaHostProcess]:
    """A host on `state`, ended at the end whatever became of it."""
    host = MediaHostProcess(state)
    try:
        yield host
    finally:
        host.kill()
        cloudinary.reset_config()


@contextmanager
def webhook_receiver(*first_statuses: int) -> Iterator[tuple[str, Calls]]:
    """An address, and what was posted to it; the first calls are answered with `first_statuses`, the rest with 200."""
    received: Calls = SimpleQueue()
    statuses = iter(first_statuses)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.put((dict(self.headers), body))
            self.send_response(next(statuses, 200))
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", received
        server.shutdown()
        thread.join()


def signed_form(params: dict[str, str]) -> dict[str, str]:
    """`params` with the key and a correct signature over them."""
    return {**params, "api_key": KEY, "signature": cloudinary.utils.api_sign_request(params, SECRET)}


def upload_video(content: str | Path | bytes, **options: Any) -> dict[str, Any]:
    """Through the SDK; options and answer are the SDK's."""
    file = str(content) if isinstance(content, Path) else content
    answer: dict[str, Any] = cloudinary.uploader.upload(file, resource_type="video", **options)
    return answer


def explicit(public_id: str, **options: Any) -> dict[str, Any]:
    options = {"resource_type": "video", "type": "upload", **options}
    answer: dict[str, Any] = cloudinary.uploader.explicit(public_id, **options)
    return answer


def stream_url(host: MediaHostProcess, public_id: str, **options: Any) -> str:
    """The SDK's address of the stream, at this host."""
    options = {"streaming_profile": "hd", "format": "m3u8", "resource_type": "video", **options}
    url, _ = cloudinary.utils.cloudinary_url(public_id, **options)
    return f"{host.url}/{url.split('/', 3)[3]}"


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False, timeout=60)


def addresses_in(playlist_url: str) -> list[str]:
    lines = get(playlist_url).text.splitlines()
    return [urljoin(playlist_url, line) for line in lines if not line.startswith("#")]


def ffmpeg(*arguments: str) -> str:
    """Its report."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def played_frames(url: str) -> int:
    """How many pictures a player shows."""
    frames = re.findall(r"frame= *(\d+)", ffmpeg("-i", url, "-map", "0:v", "-f", "null", "-"))
    return int(frames[-1])


def next_call(received: Calls) -> dict[str, Any]:
    """The content of the next notification, whose signature is right."""
    headers, body = received.get(timeout=60)
    assert cloudinary.utils.verify_notification_signature(body, headers["X-Cld-Timestamp"], headers["X-Cld-Signature"])
    content: dict[str, Any] = json.loads(body)
    return content
