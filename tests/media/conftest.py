"""The same promises on both media hosts: each test runs on a local cloud with Cloudinary's stand-in, and on S3's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import Cloud
from tests.postgres import ThrowawayPostgres, free_port

HOSTS = ("cloudinary", "s3")


@pytest.fixture(scope="session")
def s3_cloud(postgres: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A second local cloud, on a bucket."""
    state = tmp_path_factory.mktemp("s3_cloud") / "state"
    environ = {"DATABASE_URL": postgres.create_database("s3_cloud"), "BCRYPT_COST": "4", "MEDIA": "s3"}
    running = Cloud(state, free_port(), environ, "--no-demo", "--media-faults")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> Cloud:
    """The local cloud on one of the two media hosts."""
    cloud: Cloud = request.getfixturevalue("cloud" if request.param == "cloudinary" else "s3_cloud")
    return cloud
