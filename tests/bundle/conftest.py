"""Bundles as they lie in an instance, and what is installed for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient

from local import bundle, catalog
from tests.bundle.buildpack import Installed, install
from tests.bundle.calls import World
from tests.cloud import Account, Cloud
from tests.conftest import Functions
from tests.functions.conftest import client_with as client_with
from tests.functions.direct import Direct


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Installed]:
    """What a bundle requires, installed: once for all that require the same."""
    made: dict[bytes, Installed] = {}

    def of(sources: Path) -> Installed:
        requirements = sources / "requirements.txt"
        wanted = requirements.read_bytes()
        if wanted not in made:
            made[wanted] = install(requirements, tmp_path_factory.mktemp("installed") / "environment")
        return made[wanted]

    return of


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[str], Path]:
    """The directory with nothing but a function's bundle."""

    def of(name: str) -> Path:
        with ZipFile(bundle.build(catalog.load()[name], tmp_path)) as built:
            built.extractall(tmp_path / "workspace")
        return tmp_path / "workspace"

    return of


@pytest.fixture
def world(
    cloud: Cloud,
    functions: Functions,
    client_with: Callable[..., FlaskClient],
    user: Account,
    video: Callable[..., bytes],
) -> World:
    return World(cloud, user, video(), Direct(cloud, functions, client_with))
