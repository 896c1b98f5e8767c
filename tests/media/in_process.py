"""Functions in this process with settings of their own, on a running cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.cloud import Account, Cloud
from tests.loading import loaded

Ask = Callable[..., TestResponse]


@contextmanager
def functions(cloud: Cloud, **settings: str) -> Iterator[Ask]:
    """Asks a function, by its name, with whatever the test client's `open` takes: `ask("watch_video", path=...)`."""
    clients: dict[str, FlaskClient] = {}
    entries: list[Any] = []

    def ask(name: str, account: Account, *, path: str = "/", method: str = "POST", **options: Any) -> TestResponse:
        if name not in clients:
            app, entry = loaded(name, {**cloud.environment(name), **settings})
            clients[name] = app.test_client()
            entries.append(entry)
        return clients[name].open(path, method=method, headers=account.headers, **options)

    yield ask
    for entry in entries:
        entry.app.audit.flush()
        entry.app.db.close()
