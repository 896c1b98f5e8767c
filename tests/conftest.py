"""What is started once for the whole run: a PostgreSQL, the local cloud on it, and each function in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import cloudinary.uploader
import google.cloud.tasks_v2
import postgrest
import pytest
from flask.testing import FlaskClient

from local.demo_videos import make_video
from tests.cloud import Account, Cloud
from tests.loading import loaded
from tests.postgres import ThrowawayPostgres, free_port
from tests.side_by_side import pytest_collection_modifyitems, pytest_terminal_summary, pytest_xdist_make_scheduler

# pytest finds them here.
HOOKS = (pytest_collection_modifyitems, pytest_terminal_summary, pytest_xdist_make_scheduler)

# Loaded before any test: pytest makes errors of warnings and resets that between tests, which an import in a background
# thread (the audit sender's) does not survive.
LOADED = (cloudinary.uploader, google.cloud.tasks_v2, postgrest)


@pytest.fixture(scope="session")
def postgres() -> Iterator[ThrowawayPostgres]:
    server = ThrowawayPostgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def cloud(postgres: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud with many database connections, cheap password hashes and a media host that can be broken."""
    state = tmp_path_factory.mktemp("cloud") / "state"
    environ = {"DATABASE_URL": postgres.create_database("cloud"), "BCRYPT_COST": "4"}
    running = Cloud(state, free_port(), environ, "--no-demo", "--media-faults")
    running.start()
    yield running
    assert running.stop() == 0


class Functions:
    """Each function's real folder behind the framework's own app, in this process, on the running local cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._loaded: dict[str, tuple[FlaskClient, Any]] = {}

    def client(self, name: str) -> FlaskClient:
        return self._load(name)[0]

    def entry(self, name: str) -> Any:
        """The entry point: `.posture` is what its decorator says, `.app` its services."""
        return self._load(name)[1]

    def _load(self, name: str) -> tuple[FlaskClient, Any]:
        if name not in self._loaded:
            app, entry = loaded(name, self._cloud.environment(name))
            self._loaded[name] = app.test_client(), entry
        return self._loaded[name]

    def close(self) -> None:
        """What the end of an instance does."""
        for _, entry in self._loaded.values():
            if "audit" in vars(entry.app):
                entry.app.audit.flush()
            entry.app.db.close()


@pytest.fixture(scope="session")
def functions(cloud: Cloud) -> Iterator[Functions]:
    loaded = Functions(cloud)
    yield loaded
    loaded.close()


@pytest.fixture
def user(cloud: Cloud) -> Account:
    """A fresh account."""
    return cloud.register()


@pytest.fixture(scope="session")
def admin(cloud: Cloud) -> Account:
    return cloud.register_admin()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Makes the bytes of a real MP4: as small as it gets, or of exactly `size_bytes`."""
    directory = tmp_path_factory.mktemp("videos")

    def make(size_bytes: int | None = None) -> bytes:
        file: Path = directory / f"{size_bytes}.mp4"
        if not file.exists():
            make_video(file, seconds=1, size_bytes=size_bytes)
        return file.read_bytes()

    return make


@pytest.fixture(autouse=True)
def _same_environment_afterwards() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield
