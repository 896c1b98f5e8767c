"""What a function answers, checked and unpacked; and the callers that are no users."""

from __future__ import annotations

import base64
import json
from typing import Any

from werkzeug.test import TestResponse


def success(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    """The JSON object of an answer of this status. No answer to anybody holds a password."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    assert "password" not in answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal; where waiting helps, it says how long."""
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json, dict)
    assert answer.json["code"] == code
    if status in (429, 503) or code == "upload_in_progress":
        assert int(answer.headers["Retry-After"]) >= 1
    return answer.json


def as_account(email: str) -> dict[str, str]:
    """The header of a service account's call as the platform hands it on: checked, and without its signature."""
    claims = json.dumps({"email": email, "email_verified": True}).encode()
    return {"Authorization": f"Bearer e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.REMOVED"}
