"""What the endpoints' tests share: the cloud's database, breaking its media host, and uploading."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from tests.cloud import Account, Cloud
from tests.conftest import Functions
from tests.functions.answers import success
from tests.loading import loaded
from tests.postgres import ThrowawayPostgres
from tests.supabase.scratch import Sql

Upload = Callable[..., TestResponse]


@pytest.fixture(scope="session")
def database(cloud: Cloud, postgres: ThrowawayPostgres) -> Iterator[Sql]:
    """The running cloud's own database."""
    opened = Sql(postgres.dsn("cloud"))
    yield opened
    opened.close()


@pytest.fixture
def break_media(cloud: Cloud) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Makes the media host fail as ordered, until the test ends."""
    yield cloud.set_faults
    cloud.set_faults({})


@pytest.fixture
def client_with(cloud: Cloud) -> Iterator[Callable[..., FlaskClient]]:
    """A function with other settings than the cloud's, by name."""
    entries = []

    def client(name: str, **settings: object) -> FlaskClient:
        changed = {key: str(value) for key, value in settings.items()}
        app, entry = loaded(name, cloud.environment(name) | changed)
        entries.append(entry)
        return app.test_client()

    yield client
    for entry in entries:
        entry.app.audit.flush()
        entry.app.db.close()


@pytest.fixture(scope="session")
def upload(functions: Functions) -> Upload:
    """Sends a form with a video and a title."""

    def send(
        account: Account,
        file: bytes,
        title: str = "A video",
        *,
        name: str = "clip.mp4",
        client: FlaskClient | None = None,
    ) -> TestResponse:
        # Encoded here: the test client would spool a large form to a file, and leave it open.
        file_storage = FileStorage(io.BytesIO(file), name, content_type="video/mp4")
        boundary, body = encode_multipart({"title": title, "video": file_storage})
        content_type = f"multipart/form-data; boundary={boundary}"
        return (client or functions.client("upload_video")).post(
            "/", data=body, content_type=content_type, headers=account.headers
        )

    return send


@pytest.fixture
def uploaded(upload: Upload, user: Account, video: Callable[..., bytes]) -> dict[str, Any]:
    """The row of a real video of `user`."""
    row: dict[str, Any] = success(upload(user, video()), 201)["file"]
    return row


@pytest.fixture
def nothing_left(cloud: Cloud, database: Sql, break_media: Callable[[Mapping[str, Any]], None]) -> Callable[..., None]:
    """Asserts that a failed upload left no byte, no turn, no row and no file.

    Nothing to purge either, unless the host was at it: what `may_arrive_late` stays queued, to be looked for again.
    """

    def check(user: Account, *, may_arrive_late: bool = False) -> None:
        break_media({})
        usage = database.call("account_usage", user_id=user.id)
        assert {key: value for key, value in usage.items() if value and key != "resets_at"} == {}
        assert cloud.media(f"reelay/{user.id}") == []
        assert len([media_id for media_id in database.purges() if user.id in media_id]) == may_arrive_late

    return check
