"""What is refused costs an instance next to nothing, whatever its size and however many send it."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from common.quota import MIB
from tests.cloud import Account, Cloud


@pytest.mark.parametrize(
    ("method", "function"), [("GET", "check_storage"), ("POST", "login"), ("POST", "upload_video")]
)
def test_sixteen_bodies_of_31_mib_that_are_refused_fill_no_memory(
    cloud: Cloud, user: Account, method: str, function: str
) -> None:
    cloud.client.request(method, f"/{function}", headers=user.headers)
    before = cloud.worker_bytes(function, "VmHWM")

    def send(number: int) -> int:
        content_type = {"Content-Type": "text/plain"}
        body = bytes(31 * MIB) if number % 2 else (bytes(MIB) for _ in range(31))  # with a length, and without
        with httpx.Client(base_url=cloud.base_url, timeout=60, trust_env=False) as client:
            return client.request(method, f"/{function}", headers=content_type, content=body).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(send, range(16)))
    assert statuses <= {401, 413, 415}
    assert cloud.worker_bytes(function, "VmHWM") - before < 64 * MIB
