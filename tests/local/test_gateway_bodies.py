"""What the gateway does while bodies pass: the limit, clients that leave, functions that are not there yet."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from typing import Any

import pytest

from local.gateway_body import BODY_LIMIT_BYTES
from tests.local.front import CHUNK, ORIGIN, Echo, Front, running_front, serve

front = pytest.fixture(scope="module")(running_front)


@pytest.mark.parametrize("chunked", [False, True], ids=["by length", "chunked"])
def test_a_body_passes_up_to_32_mib_and_not_a_byte_more(front: Front, chunked: bool) -> None:
    def body(size_bytes: int) -> Any:
        whole = iter([CHUNK] * (size_bytes // len(CHUNK)) + [b"x"] * (size_bytes % len(CHUNK)))
        return whole if chunked else b"".join(whole)

    assert front.seen("POST", "/upload_video", content=body(BODY_LIMIT_BYTES))["size_bytes"] == BODY_LIMIT_BYTES
    headers = {"Origin": ORIGIN}
    answer = front.refused("POST", "/upload_video", content=body(BODY_LIMIT_BYTES + 1), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert "32 MiB" in answer.json()["detail"]
    assert "direct upload" in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_too_long_a_body_is_refused_before_it_is_sent(front: Front) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    connection.putrequest("POST", "/upload_video")
    connection.putheader("Content-Length", str(10 * BODY_LIMIT_BYTES))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_client_that_keeps_sending_still_reads_its_413(front: Front) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    connection.request("POST", "/upload_video", body=b"\0" * (2 * BODY_LIMIT_BYTES))
    assert connection.getresponse().status == 413
    connection.close()


def test_a_client_that_leaves_in_mid_body_cuts_the_function_s_body_off(front: Front) -> None:
    Echo.cut_off.clear()
    with socket.create_connection(("127.0.0.1", front.port)) as client:
        client.sendall(b"POST /upload_video HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + CHUNK)
    assert Echo.cut_off.wait(timeout=10)


def test_a_request_waits_while_its_function_starts(front: Front) -> None:
    answers: list[dict[str, Any]] = []
    client = threading.Thread(target=lambda: answers.append(front.seen("POST", "/get_profile/7", content=b"abc")))
    client.start()
    time.sleep(0.3)  # long enough for the first connection to be refused
    late = serve(front.late_port)
    client.join(timeout=20)
    late.shutdown()
    late.server_close()
    assert [(seen["target"], seen["size_bytes"]) for seen in answers] == [("/7", 3)]


def test_the_health_address_says_what_the_supervisor_wrote(front: Front) -> None:
    assert front.client.get(f"{front.url}/_local/health").status_code == 503
    front.status_file.write_text('{"status": "ready", "components": {}}')
    answer = front.client.get(f"{front.url}/_local/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
