"""What may go wrong during a step: the media host fails, hangs or loses its answer; Supabase's answer is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from common import media_cloudinary, s3_bucket
from common.db import Database
from common.errors import DependencyUnavailable
from tests.media.world import World

# What a media host is asked for, by the name under which its stand-in can fail: (Cloudinary's, a bucket's).
OPERATIONS = {
    "write": ("upload", "upload"),
    "read": ("explicit", "delivery"),
    "list": ("explicit", "admin"),
    "destroy": ("destroy", "destroy"),
}
FAULTS = ("423", "429", "500", "hang", "lose_answer")
# (a deed, an operation) and (a deed, the SQL functions that are not answered): those that can meet.
HOST_FAILS = [
    *(("complete", "read"), ("complete", "write"), ("complete", "list"), ("complete", "destroy")),
    *(("again", "read"), ("again", "write"), ("again", "list"), ("ticket", "write"), ("ticket", "list")),
    *(("cancel", "destroy"), ("cancel", "list"), ("delete", "destroy"), ("delete all", "destroy")),
    *(("form", "write"), ("form", "destroy"), ("notify", "destroy"), ("job", "destroy"), ("job", "list")),
]
SQL_FAILS = [
    *(("complete", "settle_direct_upload"), ("complete", "release_upload"), ("complete", "find_direct_upload")),
    *(("ticket", "reserve_direct_upload"), ("ticket", "reserve_direct_upload release_upload")),
    *(("cancel", "delete_or_cancel"), ("cancel", "finish_purges"), ("delete", "delete_or_cancel")),
    *(("delete all", "delete_or_cancel"), ("delete", "finish_purges"), ("again", "find_direct_upload")),
    *(("form", "reserve_upload"), ("form", "settle_upload"), ("form", "settle_upload release_upload")),
    *(("notify", "settle_direct_upload"), ("notify", "release_upload"), ("job", "close_day")),
    *(("job", "claim_purges"), ("job", "finish_purges")),
]
_PATIENCE_SECONDS, _HANG_SECONDS = 0.3, 0.5


class _NoBackoff:
    """For boto3, which would wait up to a second before its second attempt."""

    @staticmethod
    def sleep(_: float) -> None:
        pass

    time = staticmethod(time.time)


@contextmanager
def broken(world: World) -> Iterator[None]:
    world.is_broken = True
    try:
        yield
    finally:
        world.is_broken = world.is_impatient = False


@contextmanager
def host_fault(world: World, operation: str, fault: str, times: int | None) -> Iterator[None]:
    """The media host fails that many times at one kind of operation (None: until the step is over)."""
    ordered: dict[str, Any] = {"times": times} if times else {}
    ordered |= {"hang_seconds": _HANG_SECONDS} if fault == "hang" else {}
    ordered |= {"lose_answer": True} if fault == "lose_answer" else {}
    ordered |= {"status": int(fault)} if fault.isdecimal() else {}
    with broken(world), ExitStack() as stack:
        stack.enter_context(mock.patch("botocore.endpoint.time", _NoBackoff))
        if fault == "hang":  # functions of their own: boto3's client takes its timeouts when it is made
            world.is_impatient = True
            for module, name in (
                (media_cloudinary, "TIMEOUT_SECONDS"),
                (media_cloudinary, "STORE_TIMEOUT_SECONDS"),
                (s3_bucket, "READ_TIMEOUT_SECONDS"),
            ):
                stack.enter_context(mock.patch.object(module, name, _PATIENCE_SECONDS))
        world.set_faults({OPERATIONS[operation][world.is_s3]: ordered})
        try:
            yield
        finally:
            world.set_faults({})
            if fault == "hang":
                time.sleep(_HANG_SECONDS + 0.2)  # what the host does after nobody waits any more


@contextmanager
def lost_sql(world: World, functions: str, *, arrives: bool) -> Iterator[None]:
    """No call of these SQL functions is answered; it `arrives`, and is carried out, or it does not even do that."""
    call = Database.call

    def lossy(self: Database, name: str, **parameters: Any) -> Any:
        if name not in functions.split():
            return call(self, name, **parameters)
        if arrives:
            call(self, name, **parameters)
        raise DependencyUnavailable

    with broken(world), mock.patch.object(Database, "call", lossy):
        yield
