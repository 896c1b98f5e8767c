"""The one error that travels: a status and a message, rendered once by `app` as Cloudinary renders it."""

from __future__ import annotations

from http import HTTPStatus


class MediaError(Exception):
    """A refusal. `message` goes to the client, so it never holds a path, a secret or an exception's text."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> MediaError:
    return MediaError(HTTPStatus.BAD_REQUEST, message)


def unauthorized(message: str) -> MediaError:
    return MediaError(HTTPStatus.UNAUTHORIZED, message)


def not_found(message: str) -> MediaError:
    return MediaError(HTTPStatus.NOT_FOUND, message)


def processing() -> MediaError:
    """What is asked for is being made right now."""
    return MediaError(HTTPStatus.LOCKED, "Processing")
