"""Every error that a caller can meet: a stable code, a status and a safe message. Raised deep, rendered once.

SQL raises the same codes (`PTxyz` states, see supabase/migrations): `from_code` gives the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar


class ApiError(Exception):
    """An answer other than success. `facts` are further members of the problem document (RFC 9457, section 3.2)."""

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]
    message: ClassVar[str]
    usual_retry_seconds: ClassVar[int | None] = None

    def __init__(self, message: str | None = None, *, retry_after_seconds: int | None = None, **facts: Any) -> None:
        super().__init__(message or self.message)
        self.detail = message or self.message
        self.retry_after_seconds = retry_after_seconds or self.usual_retry_seconds
        self.facts = facts

    def headers(self) -> Mapping[str, str]:
        """Headers that the status demands."""
        headers = {} if self.retry_after_seconds is None else {"Retry-After": str(self.retry_after_seconds)}
        if self.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="reelay"'  # RFC 9110, section 15.5.2
        return headers


class InvalidBody(ApiError):
    code, status = "invalid_body", HTTPStatus.BAD_REQUEST
    message = "The body cannot be read"


class InvalidFields(ApiError):
    """`errors` maps each field at fault to its messages."""

    code, status = "invalid_fields", HTTPStatus.UNPROCESSABLE_ENTITY
    message = "Some fields are not valid"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        first = next(iter(errors.items()), None)
        super().__init__(f"{first[0]}: {first[1][0]}" if first else None, errors=dict(errors))


class UnsupportedMediaType(ApiError):
    code, status = "unsupported_media_type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    message = "This content type is not accepted here"


class InvalidToken(ApiError):
    code, status = "invalid_token", HTTPStatus.UNAUTHORIZED
    message = "A valid access token is needed: log in again"


class InvalidSignature(ApiError):
    code, status = "invalid_signature", HTTPStatus.UNAUTHORIZED
    message = "This notification is not signed by the media host, or too old"


class InvalidCredentials(ApiError):
    code, status = "invalid_credentials", HTTPStatus.UNAUTHORIZED
    message = "Invalid credentials"


class Forbidden(ApiError):
    code, status = "forbidden", HTTPStatus.FORBIDDEN
    message = "This is not yours to use"


class NotFound(ApiError):
    code, status = "not_found", HTTPStatus.NOT_FOUND
    message = "There is nothing at this address"


class UserNotFound(ApiError):
    code, status = "user_not_found", HTTPStatus.NOT_FOUND
    message = "User not found"


class VideoNotFound(ApiError):
    code, status = "video_not_found", HTTPStatus.NOT_FOUND
    message = "Video not found"


class UploadNotFound(ApiError):
    code, status = "upload_not_found", HTTPStatus.NOT_FOUND
    message = "Upload not found"


class PlaybackNotFound(ApiError):
    code, status = "playback_not_found", HTTPStatus.NOT_FOUND
    message = "This playback is not known any more: ask for the video again"


class MethodNotAllowed(ApiError):
    code, status = "method_not_allowed", HTTPStatus.METHOD_NOT_ALLOWED
    message = "This method is not allowed here"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"Allowed here: {', '.join(allowed)}")
        self.allowed = allowed

    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join((*self.allowed, "OPTIONS"))}


class EmailTaken(ApiError):
    code, status = "email_taken", HTTPStatus.CONFLICT
    message = "User already exists"


class UploadInProgress(ApiError):
    code, status = "upload_in_progress", HTTPStatus.CONFLICT
    message = "Already uploading: wait until the other upload has ended"


class UploadIncomplete(ApiError):
    code, status = "upload_incomplete", HTTPStatus.CONFLICT
    message = "The media host does not have the whole file yet: send what is missing"


class UploadComplete(ApiError):
    code, status = "upload_complete", HTTPStatus.CONFLICT
    message = "This upload is complete: complete_upload answers with its video"


class UploadExpired(ApiError):
    code, status = "upload_expired", HTTPStatus.GONE
    message = "This upload took too long or was cancelled: start it again"


class StorageQuotaExceeded(ApiError):
    code, status = "storage_quota_exceeded", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = "Exceeding total storage limit"


class LargerThanReserved(ApiError):
    code, status = "larger_than_reserved", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = "The file is larger than what was announced"


class BodyTooLarge(ApiError):
    code, status = "body_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = "The body is too large"


class FileTooLarge(ApiError):
    code, status = "file_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = "The file is too large to pass through this function: use a direct upload"


class NotAVideo(ApiError):
    code, status = "not_a_video", HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    message = "This file is not a video that can be played"


class BandwidthQuotaExceeded(ApiError):
    code, status = "bandwidth_quota_exceeded", HTTPStatus.TOO_MANY_REQUESTS
    message = "Exceeding daily bandwidth limit"


class PlaybackQuotaExceeded(ApiError):
    code, status = "playback_quota_exceeded", HTTPStatus.TOO_MANY_REQUESTS
    message = "Exceeding daily playback allowance"


class TooManyUploads(ApiError):
    code, status = "too_many_uploads", HTTPStatus.TOO_MANY_REQUESTS
    message = "Too many uploads are open: complete or cancel one"


class TooManyAttempts(ApiError):
    code, status = "too_many_attempts", HTTPStatus.TOO_MANY_REQUESTS
    message = "Too many failed logins: wait before the next one"


class DependencyUnavailable(ApiError):
    code, status = "dependency_unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    message = "A service that this needs does not answer: try again in a moment"
    usual_retry_seconds = 5


class InternalError(ApiError):
    code, status = "internal_error", HTTPStatus.INTERNAL_SERVER_ERROR
    message = "Something went wrong on our side"


_BY_CODE = {error.code: error for error in ApiError.__subclasses__()}


def from_code(code: str) -> type[ApiError] | None:
    """The class for a stable code, as SQL raises it; None for an unknown one."""
    return _BY_CODE.get(code)
