"""What a request asks for, read from its method, path and query alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.wrappers import Request


@dataclass(frozen=True)
class Call:
    """`key` is empty for the bucket itself; `query` holds each parameter's first value."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, request: Request) -> Call:
        bucket, _, key = request.path.removeprefix("/").partition("/")
        return cls(request.method, bucket, key, request.args.to_dict())

    @property
    def operation(self) -> str:
        """The one that a fault is set for: upload, destroy, delivery or admin."""
        if self.method == "DELETE" or (self.method == "POST" and "delete" in self.query):
            return "destroy"
        if self.method in ("PUT", "POST"):
            return "upload"
        return "delivery" if self.reads_object else "admin"

    @property
    def reads_object(self) -> bool:
        """Whether it is a GET or HEAD of an object's bytes, which everybody may send to a public bucket."""
        listings = {"uploadId", "acl", "tagging", "attributes", "versionId"}
        return self.method in ("GET", "HEAD") and bool(self.key) and not listings & set(self.query)
