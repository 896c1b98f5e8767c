"""What is refused costs an instance next to nothing, whatever its size and however many send it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from common.quota import MIB
from tests.cloud import Account, Cloud


def peak_bytes(cloud: Cloud, function: str) -> int:
    """The most memory that the function's worker ever held (VmHWM of proc(5))."""
    master = cloud.pid(function)
    for status in Path("/proc").glob("[0-9]*/status"):
        fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        if fields["PPid"] == str(master):
            return int(fields["VmHWM"].split()[0]) * 1024
    raise AssertionError("no worker")


@pytest.mark.parametrize(
    ("method", "function"), [("GET", "check_storage"), ("POST", "login"), ("POST", "upload_video")]
)
def test_sixteen_bodies_of_31_mib_that_are_refused_fill_no_memory(
    cloud: Cloud, user: Account, method: str, function: str
) -> None:
    cloud.client.request(method, f"/{function}", headers=user.headers)
    before = peak_bytes(cloud, function)

    def send(number: int) -> int:
        content_type = {"Content-Type": "text/plain"}
        body = bytes(31 * MIB) if number % 2 else (bytes(MIB) for _ in range(31))  # with a length, and without
        with httpx.Client(base_url=cloud.base_url, timeout=60, trust_env=False) as client:
            return client.request(method, f"/{function}", headers=content_type, content=body).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(send, range(16)))
    assert statuses <= {401, 413, 415}
    assert peak_bytes(cloud, function) - before < 64 * MIB
