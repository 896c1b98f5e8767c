"""DELETE /delete_video/<filename>, and /delete_video/all."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from tests.cloud import Account, Cloud
from tests.conftest import Functions
from tests.functions.answers import problem, success
from tests.functions.conftest import Upload
from tests.supabase.scratch import Sql


def delete(functions: Functions, user: Account, filename: str) -> dict[str, Any]:
    return success(functions.client("delete_video").delete(f"/{filename}", headers=user.headers))


def test_a_deleted_video_is_gone_and_its_storage_is_back_but_not_its_bandwidth(
    functions: Functions, cloud: Cloud, database: Sql, user: Account, uploaded: dict[str, Any]
) -> None:
    size_bytes = uploaded["size_bytes"]
    assert database.levels(uuid.UUID(user.id)) == (size_bytes, 0, size_bytes, 0)
    assert delete(functions, user, uploaded["filename"]) == {"message": "Video deleted", "deleted": 1}
    assert database.levels(uuid.UUID(user.id)) == (0, 0, size_bytes, 0)
    assert cloud.media(f"reelay/{user.id}") == []
    assert httpx.get(uploaded["filepath"]).status_code == 404
    assert f"reelay/{user.id}/{uploaded['id']}" not in database.purges()


def test_all_of_the_callers_videos_go_and_nobody_elses(
    functions: Functions, cloud: Cloud, upload: Upload, user: Account, admin: Account, video: Callable[..., bytes],
    database: Sql,
) -> None:  # fmt: skip
    for account in (user, user, user, admin):
        success(upload(account, video()), 201)
    kept = cloud.media(f"reelay/{admin.id}")
    assert delete(functions, user, "all")["deleted"] == 3
    assert delete(functions, user, "all")["deleted"] == 0
    assert database.levels(uuid.UUID(user.id))[0] == 0
    assert cloud.media(f"reelay/{user.id}") == []
    assert cloud.media(f"reelay/{admin.id}") == kept


def test_anothers_an_unknown_and_a_deleted_video_answer_alike(
    functions: Functions, user: Account, admin: Account, uploaded: dict[str, Any]
) -> None:
    client = functions.client("delete_video")
    answers = [problem(client.delete(f"/{uploaded['filename']}", headers=admin.headers), 404, "video_not_found")]
    answers.append(problem(client.delete(f"/{uuid.uuid4()}.mp4", headers=user.headers), 404, "video_not_found"))
    delete(functions, user, uploaded["filename"])
    answers.append(problem(client.delete(f"/{uploaded['filename']}", headers=user.headers), 404, "video_not_found"))
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1] == answers[2]


def test_anothers_video_stays(
    functions: Functions, database: Sql, user: Account, admin: Account, uploaded: dict[str, Any]
) -> None:
    functions.client("delete_video").delete(f"/{uploaded['filename']}", headers=admin.headers)
    assert database.levels(uuid.UUID(user.id))[0] == uploaded["size_bytes"]
    assert httpx.get(uploaded["filepath"]).status_code == 200


def test_a_media_host_that_fails_keeps_nobody_from_deleting(
    functions: Functions, database: Sql, break_media: Callable[[Mapping[str, Any]], None], user: Account,
    uploaded: dict[str, Any],
) -> None:  # fmt: skip
    break_media({"destroy": {"status": 500}})
    assert delete(functions, user, uploaded["filename"])["deleted"] == 1
    assert database.levels(uuid.UUID(user.id))[0] == 0
    media_id = f"reelay/{user.id}/{uploaded['id']}"
    assert media_id in database.purges()  # the daily job tries again
    break_media({})
    functions.entry("delete_video").app.purge.destroy([media_id])
