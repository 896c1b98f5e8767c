"""Functions in this process with settings of their own, on a running cloud."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import functions_framework
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from local.catalog import load
from tests.cloud import Account, Cloud

Ask = Callable[..., TestResponse]


@contextmanager
def functions(cloud: Cloud, **settings: str) -> Iterator[Ask]:
    """Asks a function, by its name, with whatever the test client's `open` takes: `ask("watch_video", path=...)`."""
    clients: dict[str, FlaskClient] = {}
    entries: list[Any] = []

    def ask(name: str, account: Account, *, path: str = "/", method: str = "POST", **options: Any) -> TestResponse:
        if name not in clients:
            entry, clients[name] = _loaded(name, {**cloud.environment(name), **settings})
            entries.append(entry)
        return clients[name].open(path, method=method, headers=account.headers, **options)

    yield ask
    for entry in entries:
        entry.app.audit.flush()
        entry.app.db.close()


def _loaded(name: str, environ: Mapping[str, str]) -> tuple[Any, FlaskClient]:
    with mock.patch.dict(os.environ, environ):
        app = functions_framework.create_app(name, str(load()[name].source))  # type: ignore[no-untyped-call]
    return getattr(sys.modules.pop("main"), name), app.test_client()
