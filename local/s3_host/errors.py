"""The one refusal that travels: a status, S3's code and a message, as the XML document that S3 answers."""

from __future__ import annotations

from http import HTTPStatus
from xml.sax.saxutils import escape


class S3Error(Exception):
    """`code` is one of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; clients read it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def document(self) -> str:
        """The answer's body."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message></Error>"
        )


def denied(message: str = "Access Denied") -> S3Error:
    return S3Error(HTTPStatus.FORBIDDEN, "AccessDenied", message)


def injected(status: int) -> S3Error:
    """A failure that a test ordered."""
    known = HTTPStatus(status)
    return S3Error(status, known.phrase.title().replace(" ", ""), f"Injected fault - {status}")
