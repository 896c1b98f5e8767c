"""A direct upload passes the functions by: their memory does not see how large it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.quota import MIB
from tests.cloud import Account, Cloud, eventually
from tests.media.page import Page, happenings

FUNCTIONS = ("upload_video", "complete_upload")


def logged(host: Cloud, account: Account) -> set[str]:
    """The functions whose audit events about somebody have arrived."""
    return {row[0] for row in host.sql("select service_name from logs where user_id = %s", account.id)}


def test_45_mb_leave_nothing_in_the_memory_of_the_functions(
    host: Cloud, video: Callable[[int], bytes], tmp_path: Path
) -> None:
    first = host.register()
    warm_up = Page(host, first, tmp_path, video(300_000))
    warm_up.check(warm_up.run())
    eventually(lambda: logged(host, first) >= set(FUNCTIONS))  # with the first event comes Cloud Tasks' library
    before = {function: host.worker_bytes(function, "VmRSS") for function in FUNCTIONS}
    peaks = dict(before)

    page = Page(host, host.register(), tmp_path, video(45_000_000))
    happened = []
    for one in happenings(page.start()):
        happened.append(one)
        peaks = {function: max(peaks[function], host.worker_bytes(function, "VmRSS")) for function in FUNCTIONS}

    page.check(happened)
    for function in FUNCTIONS:
        assert peaks[function] - before[function] < 8 * MIB, function
