"""Every way to a function: its own URL, and the application's paths on one origin."""

import uuid

import pytest

from local.catalog import Route
from tests.cloud import Account, Cloud, eventually
from tests.contract.endpoints import FUNCTIONS, OPEN, method, path

ROUTES = [(function.name, route) for function in FUNCTIONS for route in function.routes]


def events(cloud: Cloud, name: str) -> int:
    return int(cloud.sql("select count(*) from logs where service_name = %s", name)[0][0])


@pytest.mark.parametrize(("name", "route"), ROUTES, ids=lambda value: value if isinstance(value, str) else value.path)
def test_a_route_of_the_application_reaches_its_function(cloud: Cloud, admin: Account, name: str, route: Route) -> None:
    before = events(cloud, name)
    address = route.path.format(user_id=admin.id, filename=f"{uuid.uuid4()}.mp4")
    answer = cloud.client.request(route.method, address, headers=admin.headers)
    if name == "write_log":
        assert answer.status_code == 403
    else:
        assert answer.status_code in (200, 400, 404, 415)
        eventually(lambda: events(cloud, name) > before)


@pytest.mark.parametrize("name", OPEN)
def test_a_function_answers_at_its_own_url(cloud: Cloud, user: Account, name: str) -> None:
    address = f"/{name}" + path(name).rstrip("/")
    answer = cloud.client.request(method(name), address, headers=user.headers)
    assert answer.status_code in (200, 400, 404, 415)
    assert answer.headers["Content-Type"] in ("application/json", "application/problem+json")


def test_the_catalog_names_every_route_of_the_predecessor() -> None:
    known = {(route.method, route.path) for _, route in ROUTES}
    assert known >= {
        ("POST", "/api/users/register"), ("POST", "/api/users/login"), ("GET", "/api/users/user/{user_id}"),
        ("POST", "/api/videos/upload"), ("GET", "/api/videos/stream"), ("GET", "/api/videos/user/{user_id}"),
        ("GET", "/api/videos/stream/{filename}"), ("DELETE", "/api/videos/delete/{filename}"),
        ("DELETE", "/api/videos/delete-all"), ("POST", "/api/logs/add"), ("GET", "/api/logs/all"),
        ("GET", "/api/logs/user/{user_id}"), ("GET", "/api/storage/usage"), ("GET", "/api/usage/daily-usage"),
    }  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_a_body_over_32_mib_ends_at_the_front(cloud: Cloud, user: Account, name: str) -> None:
    answer = cloud.client.post(f"/{name}", headers=user.headers, content=bytes(32 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert "direct" in answer.json()["message"]
