"""What a fresh local cloud is furnished with: two accounts and three videos, through the public API like anybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from local.demo_videos import make_demo_videos
from local.failure import StartFailure

ADMIN_EMAIL = "admin@reelay.example"
DEMO_EMAIL = "demo@reelay.example"
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Account:
    """A demo account, as .local/demo.json lists it."""

    email: str
    password: str
    role: str

    @property
    def credentials(self) -> dict[str, str]:
        return {"email": self.email, "password": self.password}


@dataclass(frozen=True)
class Database:
    """PostgREST's address and the secret key: making somebody an admin is nothing that the API offers."""

    url: str
    key: str

    def client(self) -> httpx.AsyncClient:
        headers = {"apikey": self.key, "Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False)


def accounts(admin_password: str, demo_password: str) -> list[Account]:
    return [Account(ADMIN_EMAIL, admin_password, "admin"), Account(DEMO_EMAIL, demo_password, "user")]


def document(base_url: str, functions: Mapping[str, object], known: list[Account]) -> dict[str, object]:
    """The content of .local/demo.json."""
    urls = {name: f"{base_url}/{name}" for name in functions}
    return {"base_url": base_url, "functions": urls, "accounts": [asdict(account) for account in known]}


async def furnish(base_url: str, database: Database, known: list[Account], videos: Path) -> None:
    """Make what is missing; safe to repeat. Raises StartFailure with the step that failed and the answer to it."""
    files = await asyncio.to_thread(make_demo_videos, videos)
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            there = await _emails(database)
            for account in known:
                if account.email not in there:
                    await _register(client, account)
            await _promote(database, [account.email for account in known if account.role == "admin"])
            for account in known:
                token = await _log_in(client, account)
            await _upload_missing(client, token, files)
    except httpx.TransportError as broken:
        raise StartFailure(f"The demo data could not be made: {type(broken).__name__} on the way.") from broken


async def _register(client: httpx.AsyncClient, account: Account) -> None:
    name = account.email.partition("@")[0]
    answer = await client.post("/register", json={**account.credentials, "username": name})
    _require(answer, f"registering {account.email}")


async def _emails(database: Database) -> set[str]:
    """The demo accounts that are there already: trying to register them would fill the audit log with refusals."""
    filters = {"select": "email", "email": f"in.({ADMIN_EMAIL},{DEMO_EMAIL})"}
    async with database.client() as client:
        answer = await client.get("/rest/v1/users", params=filters)
    _require(answer, "looking for the demo accounts")
    return {row["email"] for row in answer.json()}


async def _promote(database: Database, emails: list[str]) -> None:
    async with database.client() as client:
        for email in emails:
            answer = await client.patch("/rest/v1/users", params={"email": f"eq.{email}"}, json={"role": "admin"})
            _require(answer, f"making {email} an admin")


async def _log_in(client: httpx.AsyncClient, account: Account) -> str:
    answer = await client.post("/login", json=account.credentials)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise StartFailure(
            f"{account.email} exists in this database with another password than .local/ knows: delete that user "
            'there, or start without demo data: make dev ARGS="--no-demo"'
        )
    _require(answer, f"logging in as {account.email}")
    return str(answer.json()["token"])


async def _upload_missing(client: httpx.AsyncClient, token: str, files: list[tuple[Path, str]]) -> None:
    """Upload the videos if the account has none at all: what a person deleted or added stays as it is."""
    headers = {"Authorization": f"Bearer {token}"}
    profile = await client.get("/get_profile", headers=headers)
    _require(profile, "reading the demo account")
    own = await client.get(f"/list_videos/{profile.json()['user']['id']}", headers=headers)
    _require(own, "listing the demo videos")
    if own.json()["total"]:
        return
    for path, title in files:
        upload = {"video": (path.name, path.read_bytes(), "video/mp4")}
        answer = await client.post("/upload_video", headers=headers, data={"title": title}, files=upload)
        _require(answer, f"uploading {path.name}")


def _require(answer: httpx.Response, step: str) -> None:
    if not answer.is_success:
        text = " ".join(answer.text.split())[:200]
        raise StartFailure(f"The demo data could not be made: {step} was answered with {answer.status_code}: {text}")
