"""Notifications: the signed POST that tells the application about a finished upload, sent in the background."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

import httpx

from local.media_host import signatures
from local.media_host.account import Account

# Before each try, in seconds. The real service waits minutes; the receiver must expect late, double and no calls.
PAUSES_SECONDS = (0.0, 0.5, 2.0)
TIMEOUT_SECONDS = 30


def notify(
    account: Account, url: str, document: Mapping[str, Any], *, at_end: Callable[[], None] = lambda: None
) -> None:
    """Send `document`, with its `notification_type`, to `url`, in a thread: the uploader's answer does not wait for it.

    Three tries; what is not delivered then, or when the host ends, is lost, as it may be in the cloud. `at_end` is
    called when it is delivered or given up.
    """
    body = json.dumps(document, separators=(",", ":"))
    Thread(target=_send, args=(account, url, body, at_end), daemon=True, name="notification").start()


def _send(account: Account, url: str, body: str, at_end: Callable[[], None]) -> None:
    _deliver(account, url, body)
    at_end()


def _deliver(account: Account, url: str, body: str) -> None:
    # trust_env off: a proxy configured for the outside world must not see, or swallow, a call to this machine.
    with httpx.Client(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
        for pause_seconds in PAUSES_SECONDS:
            time.sleep(pause_seconds)
            if _is_delivered(client, account, url, body):
                return
    print(f"notification to {url.partition('?')[0]} given up after {len(PAUSES_SECONDS)} tries", file=sys.stderr)


def _is_delivered(client: httpx.Client, account: Account, url: str, body: str) -> bool:
    timestamp = int(time.time())
    signature = signatures.sign_notification(body, timestamp, account.secret, algorithm=account.algorithm)
    headers = {
        "Content-Type": "application/json",
        "X-Cld-Timestamp": str(timestamp),
        "X-Cld-Signature": signature,
    }
    try:
        return client.post(url, content=body.encode(), headers=headers).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
