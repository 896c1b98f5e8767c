"""No endpoint can forget who may call it."""

import uuid
from datetime import timedelta
from typing import Any

import jwt
import pytest

from common import clock
from local.oidc import Issuer
from local.state import State
from tests.cloud import Account, Cloud
from tests.conftest import Functions
from tests.contract.endpoints import PRIVATE, USER, body, method, path


def forged(kind: str, account: Account, secret: str) -> str:
    """A token of this account that only the named fault keeps from being valid."""
    now = clock.now()
    claims: dict[str, Any] = {
        "sub": account.id, "id": account.id, "email": account.email, "role": "admin", "iss": "reelay",
        "aud": "reelay-api", "iat": now, "exp": now + timedelta(hours=1), "jti": uuid.uuid4().hex,
    }  # fmt: skip
    key, algorithm = secret, "HS256"
    match kind:
        case "foreign signature":
            key = "x" * 48
        case "alg none":
            key, algorithm = "", "none"
        case "expired":
            claims["exp"] = now - timedelta(seconds=1)
        case "other issuer":
            claims["iss"] = "somebody"
        case "other audience":
            claims["aud"] = "something"
        case "no expiry":
            del claims["exp"]
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "local"})


FAULTS = ["foreign signature", "alg none", "expired", "other issuer", "other audience", "no expiry"]


@pytest.mark.parametrize("name", USER)
@pytest.mark.parametrize("fault", ["none", "not a token", "basic", *FAULTS])
def test_a_user_function_refuses_every_token_but_a_valid_one(
    functions: Functions, cloud: Cloud, admin: Account, name: str, fault: str
) -> None:
    secret = cloud.granted()["JWT_SECRETS"].partition(":")[2]
    fixed = {"none": {}, "not a token": {"Authorization": "Bearer x.y.z"}, "basic": {"Authorization": "Basic eDp5"}}
    headers = fixed.get(fault) or (
        {"Authorization": f"Bearer {forged(fault, admin, secret)}"} if fault in FAULTS else {}
    )
    answer = functions.client(name).open(path(name), method=method(name), headers=headers)
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["code"] == "invalid_token"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", USER)
def test_the_forged_tokens_fail_for_their_fault_alone(
    functions: Functions, cloud: Cloud, admin: Account, name: str
) -> None:
    secret = cloud.granted()["JWT_SECRETS"].partition(":")[2]
    token = forged("no fault", admin, secret)
    answer = functions.client(name).open(path(name), method=method(name), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code != 401


@pytest.mark.parametrize("name", USER)
def test_a_token_of_an_account_that_is_gone_opens_nothing(functions: Functions, cloud: Cloud, name: str) -> None:
    secret = cloud.granted()["JWT_SECRETS"].partition(":")[2]
    token = forged("no fault", Account(str(uuid.uuid4()), "gone@example.com", ""), secret)
    headers = {"Authorization": f"Bearer {token}"}
    answer = functions.client(name).open(path(name), method=method(name), headers=headers, **body(name))
    assert answer.status_code == 401


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("fault", ["none", "user", "foreign", "other account", "other audience"])
def test_a_private_function_refuses_every_caller_but_its_service_account(
    cloud: Cloud, admin: Account, tmp_path_factory: pytest.TempPathFactory, name: str, fault: str
) -> None:
    granted, target = cloud.granted(), f"{cloud.base_url}/{name}"
    accounts = [granted["TASKS_SERVICE_ACCOUNT"], granted["SCHEDULER_SERVICE_ACCOUNT"]]
    right, wrong = accounts if name == "write_log" else accounts[::-1]
    issuer = Issuer.load(State(cloud.state).oidc_key)
    headers = {
        "none": {},
        "user": admin.headers,
        "foreign": _bearer(Issuer.load(tmp_path_factory.mktemp("issuer") / "other.pem").token(right, target)),
        "other account": _bearer(issuer.token(wrong, target)),
        "other audience": _bearer(issuer.token(right, f"{cloud.base_url}/login")),
    }[fault]
    answer = cloud.client.post(f"/{name}", headers=headers, json={})
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_function_holds_the_account_even_if_the_platform_lets_another_through(
    functions: Functions, name: str
) -> None:
    assert functions.client(name).post("/", json={}).status_code == 403


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "address", ["/get_profile/{id}", "/list_videos/{id}", "/list_logs/{id}", "/list_logs/all",
                "/api/users/user/{id}", "/api/videos/user/{id}", "/api/logs/user/{id}", "/api/logs/all"],
)  # fmt: skip
def test_what_belongs_to_another_user_is_forbidden_and_an_admin_may_see_it(
    cloud: Cloud, user: Account, admin: Account, address: str
) -> None:
    other = cloud.register()
    refused = cloud.client.get(address.format(id=other.id), headers=user.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert cloud.client.get(address.format(id=other.id), headers=admin.headers).status_code == 200


def test_a_role_that_the_token_only_claims_opens_nothing(cloud: Cloud, user: Account) -> None:
    secret = cloud.granted()["JWT_SECRETS"].partition(":")[2]
    claims_admin = Account(user.id, user.email, forged("no fault", user, secret))
    assert cloud.client.get("/list_logs/all", headers=claims_admin.headers).status_code == 403
