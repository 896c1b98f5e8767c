"""What a frontend does from registration to deletion, over HTTP alone."""

from collections.abc import Callable

import httpx

from tests.cloud import PASSWORD, Account, Cloud, eventually


def test_an_account_uploads_watches_measures_and_deletes_a_video(
    cloud: Cloud, admin: Account, video: Callable[..., bytes]
) -> None:
    file = video(300_000)
    credentials = {"email": f"Story-{admin.id}@example.com", "password": PASSWORD}
    registered = cloud.client.post("/api/users/register", json=credentials | {"username": "Story"})
    assert registered.status_code == 201
    assert set(registered.json()["user"]) == {"id", "email", "username", "created_at", "role"}
    login = cloud.client.post("/api/users/login", json=credentials | {"email": credentials["email"].upper()}).json()
    user = Account(login["user"]["id"], credentials["email"], login["token"])
    assert login["token_type"] == "Bearer"

    form = {"files": {"video": ("Sunset.MP4", file, "video/mp4")}, "data": {"title": "Sunset & <sea> 🌅"}}
    uploaded = cloud.client.post("/api/videos/upload", headers=user.headers, **form)  # type: ignore[arg-type]
    assert uploaded.status_code == 201, uploaded.text
    row = uploaded.json()["file"]
    assert row["title"] == "Sunset & <sea> 🌅"
    assert row["size_bytes"] == len(file)
    assert row["size_mb"] == len(file) / 1048576
    assert row["filepath"].endswith(".mp4")
    assert row["poster_url"] == row["filepath"].removesuffix(".mp4") + ".jpg"

    assert row in cloud.get("/api/videos/stream", user)["videos"]
    assert cloud.get(f"/api/videos/user/{user.id}", user)["videos"] == [row]

    watched = cloud.get(f"/api/videos/stream/{row['filename']}", user)
    part = httpx.get(watched["url"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, file[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(file)}"
    assert httpx.get(watched["poster_url"]).content.startswith(b"\xff\xd8\xff")

    storage = cloud.get("/api/storage/usage", user)
    assert (storage["used_bytes"], storage["video_count"]) == (len(file), 1)
    assert storage["totalSizeMb"] == len(file) / 1048576
    usage = cloud.get("/api/usage/daily-usage", user)
    assert usage["used_bytes"] == len(file)
    assert usage["isThresholdExceeded"] is False

    deleted = cloud.client.delete(f"/api/videos/delete/{row['filename']}", headers=user.headers)
    assert deleted.json()["deleted"] == 1
    assert cloud.get(f"/api/videos/user/{user.id}", user)["videos"] == []
    assert row not in cloud.get("/api/videos/stream", user)["videos"]
    assert cloud.client.get(f"/watch_video/{row['filename']}", headers=user.headers).status_code == 404
    assert httpx.get(watched["url"]).status_code == 404
    assert cloud.storage(user) == (0, 0)
    assert cloud.get("/record_usage", user)["used_bytes"] == len(file)

    expected = {
        "REGISTER", "LOGIN", "UPLOAD_VIDEO", "FETCH_VIDEOS", "FETCH_USER_VIDEOS", "STREAM_VIDEO", "CHECK_STORAGE",
        "CHECK_BANDWIDTH", "DELETE_VIDEO",
    }  # fmt: skip
    eventually(lambda: expected <= {event["action_type"] for event in cloud.logs(user)})
    own = {event["id"] for event in cloud.logs(user)}
    seen = cloud.client.get(f"/api/logs/user/{user.id}", headers=admin.headers).json()["logs"]
    assert own <= {event["id"] for event in seen}
    everybodys = cloud.client.get("/api/logs/all", headers=admin.headers).json()
    assert everybodys["total"] > len(own)
    for event in seen:
        assert PASSWORD not in event["description"]
        assert user.token not in event["description"]
