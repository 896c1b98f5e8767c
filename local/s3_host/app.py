"""The WSGI application around moto: who may, what fails on demand, CORS, and the place where errors are answered."""

from __future__ import annotations

import io
import json
import re
import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from common.media_account import S3Account
from local.media_host.errors import MediaError
from local.media_host.faults import NO_FAULT, AnswerLostError, Fault, Faults
from local.s3_host import signatures
from local.s3_host.bucket import Bucket
from local.s3_host.call import Call
from local.s3_host.errors import S3Error, denied, injected

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CORS_METHODS = ("GET", "HEAD", "PUT", "POST")
_EXPOSED = "Accept-Ranges, Content-Length, Content-Range, ETag"
_INITIATED = re.compile(r"(<UploadId>(\w+)</UploadId>.*?<Initiated>)[^<]*", re.DOTALL)


class S3App:
    """S3's HTTP surface over one bucket. `faults` is None unless the host was started for tests."""

    def __init__(self, account: S3Account, bucket: Bucket, faults: Faults | None) -> None:
        self._account = account
        self._bucket = bucket
        self._faults = faults

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        response = self._answer(request)
        for name in [name for name, _ in response.headers if name.lower().startswith("access-control-")]:
            del response.headers[name]  # moto's own, for the whole server
        if "Origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = ", ".join(CORS_METHODS)
                wanted = request.headers.get("Access-Control-Request-Headers", "")
                response.headers["Access-Control-Allow-Headers"] = wanted
                response.headers["Access-Control-Max-Age"] = "600"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            if request.path.startswith("/_local/"):
                return self._local(request)
            if request.method == "OPTIONS":
                return _preflight(request)
            return self._serve(request, Call.of(request))
        except S3Error as refusal:
            return Response(refusal.document(), status=refusal.status, mimetype="application/xml")
        except MediaError as refusal:  # of a document of faults
            return _json({"error": {"message": refusal.message}}, refusal.status)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - the last resort: the trace for the operator, a constant for the client
            traceback.print_exc(file=sys.stderr)
            internal = S3Error(500, "InternalError", "We encountered an internal error. Please try again.")
            return Response(internal.document(), status=500, mimetype="application/xml")

    def _serve(self, request: Request, call: Call) -> Response:
        if call.bucket != self._bucket.name:
            raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist")
        if signatures.is_signed(request):
            signatures.check(self._account, request)
        elif not (self._bucket.public_read and call.reads_object):
            raise denied()
        fault = self._fault(call)
        _take_body(request)
        with self._bucket.turn:
            self._bucket.require_upload(call)
            response = Response.from_app(self._bucket, request.environ, buffered=True)
            if response.status_code < 300:
                self._bucket.settle(call)
            if "uploads" in call.query and call.method == "GET":
                self._date_uploads(response)
        if fault.lose_answer:
            raise AnswerLostError
        return response

    def _fault(self, call: Call) -> Fault:
        try:
            return self._faults.before(call.operation) if self._faults else NO_FAULT
        except MediaError as ordered:
            raise injected(ordered.status) from ordered

    def _date_uploads(self, response: Response) -> None:
        text = _INITIATED.sub(lambda found: found[1] + self._bucket.begun_at(found[2]), response.get_data(as_text=True))
        response.set_data(text)

    def _local(self, request: Request) -> Response:
        """What the real service does not have: a health check, and faults for tests."""
        if (request.method, request.path) == ("GET", "/_local/health"):
            return _json({"status": "ok"})
        if (request.method, request.path) != ("PUT", "/_local/faults") or self._faults is None:
            raise S3Error(404, "NoSuchKey", "Unknown address, or started without --faults")
        self._faults.replace(request.get_json(force=True))
        return _json({"status": "ok"})


def _take_body(request: Request) -> None:
    """Read the body before it is moto's turn, so that a slow client holds nobody else up.

    Raises S3Error where the client went away or did not say how much it sends: half a file is none.
    """
    if request.method not in ("PUT", "POST"):
        return
    length = request.content_length
    if length is None:
        raise S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    body = request.environ["wsgi.input"].read(length)
    if len(body) < length:
        raise S3Error(400, "IncompleteBody", "You did not provide the number of bytes of the Content-Length header")
    request.environ["wsgi.input"] = io.BytesIO(body)


def _preflight(request: Request) -> Response:
    if request.headers.get("Access-Control-Request-Method") not in CORS_METHODS:
        raise S3Error(403, "AccessForbidden", "CORSResponse: This CORS request is not allowed.")
    return Response(status=200)


def _json(content: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(content), status=status, mimetype="application/json")
