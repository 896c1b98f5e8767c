"""GET /get_profile[/<user_id>]."""

import uuid

from tests.cloud import Account
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.supabase.scratch import Sql


def test_the_caller_reads_their_own_account(functions: Functions, user: Account) -> None:
    for path in ("/", f"/{user.id}", f"/get_profile/{user.id}", f"/{user.id.upper()}"):
        answer = success(functions.client("get_profile").get(path, headers=user.headers))
        assert set(answer) == {"user"}
        assert set(answer["user"]) == {"id", "email", "username", "created_at", "role"}
        assert (answer["user"]["id"], answer["user"]["email"]) == (user.id, user.email)


def test_an_admin_reads_any_account(functions: Functions, admin: Account, user: Account) -> None:
    answer = success(functions.client("get_profile").get(f"/{user.id}", headers=admin.headers))
    assert answer["user"]["email"] == user.email


def test_another_account_is_forbidden_whether_it_exists_or_not(
    functions: Functions, admin: Account, user: Account
) -> None:
    for somebody in (admin.id, uuid.uuid4()):
        problem(functions.client("get_profile").get(f"/{somebody}", headers=user.headers), 403, "forbidden")


def test_an_unknown_account_is_not_found_for_an_admin(functions: Functions, admin: Account) -> None:
    answer = functions.client("get_profile").get(f"/{uuid.uuid4()}", headers=admin.headers)
    problem(answer, 404, "user_not_found")


def test_the_role_that_counts_is_the_databases_and_not_the_tokens(
    functions: Functions, database: Sql, admin: Account, user: Account
) -> None:
    client = functions.client("get_profile")
    database.run("update public.users set role = 'admin' where id = %s", user.id)
    success(client.get(f"/{admin.id}", headers=user.headers))
    database.run("update public.users set role = 'user' where id = %s", user.id)
    problem(client.get(f"/{admin.id}", headers=user.headers), 403, "forbidden")
