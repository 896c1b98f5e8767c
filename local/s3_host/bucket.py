"""The bucket: moto's, in memory, and its copy on the shelf.

moto reads every body, and every object that it answers, into memory as a whole; between requests, objects from 5 MiB
on are temporary files and smaller ones stay in memory. It is not made for threads: whoever calls it takes `turn`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import FakeKey, FakeMultipart, s3_backends
from requests.structures import CaseInsensitiveDict

from common.media_account import S3Account
from local.s3_host.call import Call
from local.s3_host.errors import S3Error
from local.s3_host.shelf import Kept, KeptUpload, Shelf

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Bucket:
    """The account's one bucket; `public_read` lets everybody read its objects."""

    def __init__(self, account: S3Account, shelf: Shelf, *, public_read: bool) -> None:
        self.name = account.bucket
        self.public_read = public_read
        self.turn = Lock()
        self._begun_at: dict[str, datetime] = {}  # by upload id; moto says 2010 of all of them
        self._app = create_backend_app("s3")
        self._backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._moto = self._backend.create_bucket(account.bucket, account.region)
        self._shelf = shelf
        if public_read:
            self._moto.policy = _everybody_reads(account.bucket)
        self._load()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """moto's answer to a request."""
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def require_upload(self, call: Call) -> None:
        """Raises S3Error for an upload id that is not of this key: moto fails over it, or takes the part all the same.

        The id of the upload that made the object is good for completing it again.
        """
        upload_id = call.query.get("uploadId")
        if upload_id is None:
            return
        upload = self._moto.multiparts.get(upload_id)
        there = self._moto.keys.get(call.key)
        is_repeated = call.method == "POST" and there and there.multipart and there.multipart.id == upload_id
        if not is_repeated and (upload is None or upload.key_name != call.key):
            raise S3Error(404, "NoSuchUpload", "The specified multipart upload does not exist.")

    def begun_at(self, upload_id: str) -> str:
        """When an unfinished upload began, as S3 writes it."""
        return self._begun_at[upload_id].isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def settle(self, call: Call) -> None:
        """Bring the shelf to what a successful call made of memory; safe to repeat."""
        upload_id = call.query.get("uploadId")
        if call.method == "PUT" and upload_id:
            number = int(call.query["partNumber"])
            self._shelf.put_part(upload_id, number, _kept(self._moto.multiparts[upload_id].parts[number]))
        elif call.method == "POST" and "uploads" in call.query:
            self._begin_upload()
        elif call.method in ("PUT", "POST", "DELETE"):
            self._settle_object(call.key)
            if upload_id:  # completed or aborted; the object first, so that a kill in between loses nothing
                self._shelf.drop_upload(upload_id)
                self._begun_at.pop(upload_id, None)

    def _begin_upload(self) -> None:
        upload = next(reversed(self._moto.multiparts.values()))
        self._begun_at[upload.id] = datetime.now(UTC)
        begun_at = self._begun_at[upload.id].isoformat()
        facts = {"key": upload.key_name, "metadata": dict(upload.metadata), "begun_at": begun_at}
        self._shelf.begin_upload(upload.id, facts)

    def _settle_object(self, name: str) -> None:
        there = self._moto.keys.get(name)
        if not name:  # DeleteObjects
            self._shelf.drop_objects_but(self._moto.keys)
        elif there is None:
            self._shelf.drop_object(name)
        else:
            self._shelf.put_object(name, _kept(there))

    def _load(self) -> None:
        finished = set()
        for kept in self._shelf.objects():
            finished.add(kept.facts.get("upload_id"))
            self._load_object(kept)
        for upload in self._shelf.uploads():
            if upload.id in finished:
                self._shelf.drop_upload(upload.id)
            else:
                self._load_upload(upload)

    def _load_object(self, kept: Kept) -> None:
        facts = kept.facts
        by_upload = self._upload(facts["key"], facts["upload_id"], {}) if "upload_id" in facts else None
        key = self._backend.put_object(
            self.name, facts["key"], kept.body, etag=facts["etag"], multipart=by_upload, disable_notification=True
        )
        key.set_metadata(facts["metadata"])
        key.last_modified = datetime.fromisoformat(facts["modified_at"])

    def _load_upload(self, upload: KeptUpload) -> None:
        loaded = self._upload(upload.facts["key"], upload.id, upload.facts["metadata"])
        self._begun_at[upload.id] = datetime.fromisoformat(upload.facts["begun_at"])
        for number, part in upload.parts.items():
            loaded.set_part(number, part.body).last_modified = datetime.fromisoformat(part.facts["modified_at"])
        self._moto.multiparts[upload.id] = loaded

    def _upload(self, key: str, upload_id: str, metadata: dict[str, str]) -> Any:
        upload = FakeMultipart(
            key, CaseInsensitiveDict(metadata), DEFAULT_ACCOUNT_ID, self._moto.region_name, "STANDARD", tags={}
        )
        upload.id = upload_id
        return upload


def _kept(key: FakeKey) -> Kept:
    facts = {
        "key": key.name,
        "etag": key.etag.strip('"'),
        "metadata": dict(key.metadata),
        "modified_at": key.last_modified.isoformat(),
    }
    if key.multipart:
        facts["upload_id"] = key.multipart.id
    return Kept(facts, key.value)


def _everybody_reads(bucket: str) -> bytes:
    """moto's own check has to agree with ours."""
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:HeadObject"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]}).encode()
