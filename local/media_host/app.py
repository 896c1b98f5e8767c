"""The WSGI application: routes, CORS, and the one place where errors become answers."""

from __future__ import annotations

import json
import sys
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from local.media_host import admin, delivery, stored, uploads
from local.media_host.errors import MediaError, not_found
from local.media_host.faults import NO_FAULT, AnswerLostError
from local.media_host.host import Host
from local.media_host.staging import StagedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Pages of any origin upload straight to the real service, and play from it.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Cache-Control, Content-Range, Content-Type, Range, X-Requested-With, "
    "X-Unique-Upload-Id",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag, X-Cld-Error",
    "Access-Control-Max-Age": "600",
}
API = "/v1_1/<cloud>"
# The endpoint's name is also the operation that a fault is set for; the view is chosen with it.
ROUTES = Map(
    [
        Rule("/_local/health", endpoint=("local", "health"), methods=["GET"]),
        Rule("/_local/faults", endpoint=("local", "set_faults"), methods=["PUT"]),
        Rule(f"{API}/<resource_type>/upload", endpoint=("upload", uploads.upload), methods=["POST"]),
        Rule(f"{API}/<resource_type>/explicit", endpoint=("explicit", stored.explicit), methods=["POST"]),
        Rule(f"{API}/<resource_type>/destroy", endpoint=("destroy", stored.destroy), methods=["POST"]),
        Rule(f"{API}/ping", endpoint=("admin", admin.ping), methods=["GET"]),
        Rule(f"{API}/resources/<resource_type>", endpoint=("admin", admin.list_page), methods=["GET"]),
        Rule(f"{API}/resources/<resource_type>/<asset_type>", endpoint=("admin", admin.list_page), methods=["GET"]),
        Rule(f"{API}/resources/<resource_type>/<asset_type>", endpoint=("admin", admin.delete), methods=["DELETE"]),
        Rule(
            f"{API}/resources/<resource_type>/<asset_type>/<path:public_id>",
            endpoint=("admin", admin.show),
            methods=["GET"],
        ),
        Rule("/<cloud>/video/<asset_type>/<path:path>", endpoint=("delivery", delivery.deliver), methods=["GET"]),
    ],
    merge_slashes=False,
    strict_slashes=False,
)


class MediaApp:
    """Cloudinary's HTTP surface over one Host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = StagedRequest(environ, self._host.incoming)
        with request:
            response = self._answer(request)
        for name, value in CORS.items():
            response.headers[name] = value
        response.headers["X-Request-Id"] = uuid.uuid4().hex
        return response(environ, start_response)

    def _answer(self, request: StagedRequest) -> Response:
        if request.method == "OPTIONS":
            return Response(status=HTTPStatus.NO_CONTENT)
        try:
            return self._dispatch(request)
        except MediaError as refusal:
            return _error(refusal.status, refusal.message)
        except HTTPException as refusal:
            return _http_error(refusal)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - the last resort: the trace for the operator, a constant for the client
            traceback.print_exc(file=sys.stderr)
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")

    def _dispatch(self, request: StagedRequest) -> Response:
        (operation, view), values = ROUTES.bind_to_environ(request.environ).match()
        if operation == "local":
            return self._local(view, request)
        fault = self._host.faults.before(operation) if self._host.faults else NO_FAULT
        answer = self._call(operation, view, request, values)
        if fault.lose_answer:
            raise AnswerLostError
        return answer

    def _call(
        self, operation: str, view: Callable[..., Any], request: StagedRequest, values: Mapping[str, str]
    ) -> Response:
        if operation == "delivery":
            response: Response = view(self._host, request, **values)
            return response
        self._host.account.require_cloud(values["cloud"])
        arguments = {name: value for name, value in values.items() if name != "cloud"}
        return _json(view(self._host, request, **arguments))

    def _local(self, action: str, request: StagedRequest) -> Response:
        """What the real service does not have: a health check, and faults for tests."""
        if action == "health":
            return _json({"status": "ok"})
        if self._host.faults is None:
            raise not_found("Started without --faults")
        self._host.faults.replace(request.get_json())
        return _json({"status": "ok"})


def _json(content: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(json.dumps(content), status=status, mimetype="application/json")


def _error(status: int, message: str) -> Response:
    response = _json({"error": {"message": message}}, status)
    # A header line is ASCII, and what a client wrote may stand in the message.
    response.headers["X-Cld-Error"] = message.encode("unicode_escape").decode("ascii")
    return response


def _http_error(refusal: HTTPException) -> Response:
    """werkzeug's own refusals (unknown route, method, size, range) in Cloudinary's shape, with headers like Allow."""
    response = _error(refusal.code or HTTPStatus.INTERNAL_SERVER_ERROR, refusal.name)
    for name, value in refusal.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response
