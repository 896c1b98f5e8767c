"""AWS Signature Version 4, checked: what was signed for one key, part, length or hour is good for no other.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from werkzeug.wrappers import Request

from common.media_account import S3Account
from local.s3_host.errors import S3Error, denied

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST_SECONDS = 604800
_SKEW = timedelta(minutes=15)
_HEADER = re.compile(rf"{ALGORITHM} Credential=(\S+?), ?SignedHeaders=(\S+?), ?Signature=([0-9a-f]{{64}})")


@dataclass(frozen=True)
class _Claim:
    """What a request says of its own signature. `lasts` is None for one in a header: that is good for 15 minutes."""

    key_id: str
    scope: str  # day/region/service/aws4_request
    signed: tuple[str, ...]
    signature: str
    time: str
    payload: str
    lasts: timedelta | None


def is_signed(request: Request) -> bool:
    return "X-Amz-Signature" in request.args or "Authorization" in request.headers


def check(account: S3Account, request: Request) -> None:
    """Raises S3Error unless the account's secret signed exactly this request, for now."""
    try:
        claim = _in_query(request) if "X-Amz-Signature" in request.args else _in_header(request)
        signed_at = datetime.strptime(claim.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (LookupError, ValueError, TypeError) as malformed:
        raise S3Error(400, "AuthorizationHeaderMalformed", "The authorization is malformed.") from malformed
    _check_time(claim, signed_at)
    if claim.key_id != account.access_key_id:
        raise S3Error(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if claim.scope != f"{claim.time[:8]}/{account.region}/s3/aws4_request":
        raise S3Error(400, "AuthorizationHeaderMalformed", f"The region is not '{account.region}'.")
    unsigned = {name.lower() for name, _ in request.headers if name.lower().startswith("x-amz-")} | {"host"}
    if unsigned - set(claim.signed):
        raise denied("There were headers present in the request which were not signed")
    if not hmac.compare_digest(_signature(account, claim, request), claim.signature):
        raise S3Error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match yours.")


def _in_query(request: Request) -> _Claim:
    values = {name.lower(): value for name, value in request.args.items()}
    key_id, _, scope = values["x-amz-credential"].partition("/")
    lasts_seconds = int(values["x-amz-expires"])
    if values["x-amz-algorithm"] != ALGORITHM or not 1 <= lasts_seconds <= LONGEST_SECONDS:
        raise ValueError("algorithm or lifetime")
    return _Claim(
        key_id,
        scope,
        tuple(values["x-amz-signedheaders"].split(";")),
        values["x-amz-signature"],
        values["x-amz-date"],
        "UNSIGNED-PAYLOAD",
        timedelta(seconds=lasts_seconds),
    )


def _in_header(request: Request) -> _Claim:
    match = _HEADER.fullmatch(request.headers["Authorization"])
    if match is None:
        raise ValueError("not this algorithm")
    key_id, _, scope = match[1].partition("/")
    signed = tuple(match[2].split(";"))
    payload = request.headers["X-Amz-Content-SHA256"]
    return _Claim(key_id, scope, signed, match[3], request.headers["X-Amz-Date"], payload, None)


def _check_time(claim: _Claim, signed_at: datetime) -> None:
    now = datetime.now(UTC)
    if claim.lasts is not None:
        if now > signed_at + claim.lasts:
            raise denied("Request has expired")
        if now < signed_at - _SKEW:
            raise denied("Request is not yet valid")
    elif abs(now - signed_at) > _SKEW:
        raise S3Error(403, "RequestTimeTooSkewed", "The request time is too far from the current time.")


def _signature(account: S3Account, claim: _Claim, request: Request) -> str:
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in claim.signed)
    path = quote(request.environ["PATH_INFO"].encode("latin-1"), safe="/-_.~")
    parts = [request.method, path, _canonical_query(request), headers, ";".join(claim.signed), claim.payload]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    key = b"AWS4" + account.secret_access_key.encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, "\n".join([ALGORITHM, claim.time, claim.scope, digest]).encode(), "sha256").hex()


def _canonical_query(request: Request) -> str:
    pairs = [part.partition("=") for part in request.environ["QUERY_STRING"].split("&") if part]
    encoded = [(quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded) if name != "X-Amz-Signature")
