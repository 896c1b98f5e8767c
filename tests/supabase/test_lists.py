"""Pages by keyset: each row once and in order, at a cost that does not grow; batches of events stored exactly once."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.supabase.scratch import Refused, Sql

Page = dict[str, Any]


def list_videos(sql: Sql, caller: uuid.UUID, **options: Any) -> Page:
    defaults = {"user_id": None, "search": None, "limit": 16, "start": 0, "after_at": None, "after_id": None}
    page: Page = sql.call("list_videos", caller_id=caller, **{**defaults, **options})
    return page


def list_logs(sql: Sql, caller: uuid.UUID, **options: Any) -> Page:
    defaults = {"user_id": None, "own_unless_admin": True, "limit": 100, "start": 0, "after_at": None, "after_id": None}
    page: Page = sql.call("list_logs", caller_id=caller, **{**defaults, **options})
    return page


def walk(turn: Callable[..., Page], between: Callable[[], object] = lambda: None) -> list[Page]:
    """All pages, from the first by `next`; `between` happens after each."""
    pages = [turn()]
    while position := pages[-1]["next"]:
        between()
        pages.append(turn(after_at=position["at"], after_id=position["id"]))
    return pages


def add_videos(sql: Sql, owner: uuid.UUID, count: int, *, title: str = "A video") -> None:
    """Videos of three to a timestamp, and the totals that belong to them."""
    sql.run(
        """insert into public.videos (user_id, filename, filepath, title, size_mb, size_bytes, media_id, uploaded_at)
           select %s, id || '.mp4', id || '.mp4', %s, 0, 1, id, now() - make_interval(secs => n / 3)
           from (select n, gen_random_uuid()::text as id from generate_series(1, %s) n) videos""",
        owner, title, count,
    )  # fmt: skip
    sql.run(
        """update public.users set video_count = video_count + %s, storage_used_bytes = storage_used_bytes + %s
           where id = %s""",
        count, count, owner,
    )  # fmt: skip
    sql.run("update public.totals set value = value + %s where scope = 'videos'", count)


def newest_first(sql: Sql, owner: uuid.UUID) -> list[str]:
    rows = sql.rows(
        """select id from public.videos where user_id = %s and deleted_at is null
           order by uploaded_at desc, id desc""",
        owner,
    )
    return [str(row["id"]) for row in rows]


def events(user: uuid.UUID | None, numbers: range, **changes: Any) -> list[dict[str, Any]]:
    """Log events whose ids follow from their numbers, two to a timestamp."""
    return [
        {"id": str(uuid.UUID(int=number)), "user_id": user and str(user), "action_type": "LOGIN", "description": "x",
         "service_name": "login", "created_at": f"2026-01-01T00:{number // 2 % 60:02}:00+00:00", **changes}
        for number in numbers
    ]  # fmt: skip


def insert(sql: Sql, batch: list[dict[str, Any]]) -> int:
    return int(sql.call("insert_logs", events=json.dumps(batch))["inserted"])


@pytest.mark.parametrize("whose", ["everybody's", "own"])
def test_walking_all_pages_yields_each_video_once_and_in_order(sql: Sql, whose: str) -> None:
    user, other = sql.user(), sql.user()
    add_videos(sql, user, 50)
    if whose == "own":
        add_videos(sql, other, 20)
    expected = newest_first(sql, user)
    pages = walk(lambda **after: list_videos(sql, user, user_id=user if whose == "own" else None, limit=7, **after))
    assert [row["id"] for page in pages for row in page["videos"]] == expected
    assert [len(page["videos"]) for page in pages] == [7] * 7 + [1]
    assert {(page["total"], page["total_is_exact"]) for page in pages} == {(50, True)}


def test_a_page_that_ends_with_the_list_has_no_next(sql: Sql) -> None:
    user = sql.user()
    assert list_videos(sql, user) == {"videos": [], "total": 0, "total_is_exact": True, "next": None}
    add_videos(sql, user, 16)
    assert list_videos(sql, user)["next"] is None
    assert list_videos(sql, user, limit=15)["next"] is not None


def test_rows_that_come_and_go_during_a_walk_move_no_other(sql: Sql) -> None:
    user = sql.user()
    add_videos(sql, user, 30)
    expected = newest_first(sql, user)
    last = sql.rows("select filename from public.videos where id = %s", expected.pop())[0]["filename"]

    def happen() -> None:
        sql.upload(user, 1)
        if newest_first(sql, user)[-1] != expected[-1]:
            sql.call("delete_videos", user_id=user, filename=last)

    pages = walk(lambda **after: list_videos(sql, user, limit=4, **after), happen)
    assert [row["id"] for page in pages for row in page["videos"]] == expected


def test_an_offset_skips_that_many(sql: Sql) -> None:
    user = sql.user()
    add_videos(sql, user, 20)
    expected = newest_first(sql, user)
    for start in (0, 1, 16, 19, 20, 100):
        assert [row["id"] for row in list_videos(sql, user, start=start)["videos"]] == expected[start : start + 16]


def test_another_users_own_list_is_for_admins(sql: Sql) -> None:
    user, owner, admin = sql.user(), sql.user(), sql.user(role="admin")
    add_videos(sql, owner, 2)
    assert list_videos(sql, admin, user_id=owner)["total"] == 2
    with pytest.raises(Refused, match="PT403 forbidden"):
        list_videos(sql, user, user_id=owner)
    with pytest.raises(Refused, match="PT401 invalid_token"):
        list_videos(sql, uuid.uuid4())


TITLES = ["The quick brown fox", "Fox & hounds", 'A "quoted" fox', "Foxglove in June", "Café de Paris", "100% it's",
          "Spider-Man returns", "summer_2025.mp4 final cut"]  # fmt: skip


SEARCHES = {
    "fox": [0, 1, 2, 3],
    "FOX": [0, 1, 2, 3],
    "quick fox": [0],
    "fox quick": [0],
    "qui fox": [],  # only the last word may be unfinished
    "foxglove j": [3],
    "oxglove": [],
    "café": [4],
    "cafe": [],
    "caf": [4],
    '"quoted"': [2],
    "it's": [5],
    "100%": [5],
    "fox & hounds": [1],
    "fox | paris": [],
    "!fox": [0, 1, 2, 3],
    "fox:*": [0, 1, 2, 3],
    "'": [],
    "!&|():*\\": [],
    "spider": [6],
    "spider-man": [6],
    "spider m": [6],
    "summer final": [7],
    "mp4 cut": [7],
}


def found_titles(sql: Sql, caller: uuid.UUID, search: str) -> list[int]:
    """Which of TITLES a search finds; its total must say as many."""
    page = list_videos(sql, caller, search=search)
    assert (page["total"], page["total_is_exact"]) == (len(page["videos"]), True)
    return sorted(TITLES.index(row["title"]) for row in page["videos"])


def test_a_search_finds_whole_words_and_the_last_ones_beginning(sql: Sql) -> None:
    user = sql.user()
    for title in TITLES:
        add_videos(sql, user, 1, title=title)
    assert {search: found_titles(sql, user, search) for search in SEARCHES} == SEARCHES


def test_a_search_for_an_unfinished_hyphenated_word_finds_it(sql: Sql) -> None:
    """Whoever types spider-man sees the video at each letter, not only before the hyphen and at the end."""
    user = sql.user()
    add_videos(sql, user, 1, title=TITLES[6])
    assert [found_titles(sql, user, "Spider-Man"[:length]) for length in range(1, 11)] == [[6]] * 10


def test_a_search_is_paged_and_narrowed_to_an_owner_like_any_list(sql: Sql) -> None:
    user, other = sql.user(), sql.user()
    add_videos(sql, user, 10, title="fox")
    add_videos(sql, user, 5, title="hen")
    add_videos(sql, other, 3, title="fox")
    pages = walk(lambda **after: list_videos(sql, user, user_id=user, search="fox", limit=4, **after))
    found = [row["id"] for page in pages for row in page["videos"]]
    assert len(set(found)) == len(found) == 10
    assert {page["total"] for page in pages} == {10}
    assert list_videos(sql, user, search="fox")["total"] == 13


@pytest.mark.parametrize(("count", "total", "is_exact"), [(1000, 1000, True), (1001, 1000, False)])
def test_a_search_counts_to_a_thousand_and_says_whether_that_is_all(
    sql: Sql, count: int, total: int, is_exact: bool
) -> None:
    user = sql.user()
    add_videos(sql, user, count, title="fox")
    page = list_videos(sql, user, search="fox")
    assert (page["total"], page["total_is_exact"]) == (total, is_exact)


def test_a_deleted_video_is_in_no_list(sql: Sql) -> None:
    user = sql.user()
    video = sql.upload(user, 1, "fox")
    sql.call("delete_videos", user_id=user, filename=video["filename"])
    for options in ({}, {"user_id": user}, {"search": "fox"}):
        assert list_videos(sql, user, **options)["videos"] == []
        assert list_videos(sql, user, **options)["total"] == 0


def test_walking_all_pages_yields_each_event_once_and_in_order(sql: Sql) -> None:
    user, admin = sql.user(), sql.user(role="admin")
    insert(sql, events(user, range(40)))
    insert(sql, events(None, range(40, 50)))
    own = walk(lambda **after: list_logs(sql, user, limit=7, **after))
    everybodys = walk(lambda **after: list_logs(sql, admin, limit=7, **after))
    order = sql.rows("select id, user_id from public.logs order by created_at desc, id desc")
    assert [row["id"] for page in everybodys for row in page["logs"]] == [str(row["id"]) for row in order]
    assert [row["id"] for page in own for row in page["logs"]] == [str(row["id"]) for row in order if row["user_id"]]
    assert ({page["total"] for page in own}, {page["total"] for page in everybodys}) == ({40}, {50})


def test_nobody_but_an_admin_reads_anothers_events(sql: Sql) -> None:
    user, other, admin = sql.user(), sql.user(), sql.user(role="admin")
    insert(sql, events(other, range(3)))
    assert list_logs(sql, admin, user_id=other)["total"] == 3
    assert list_logs(sql, user)["logs"] == []
    for options in ({"user_id": other}, {"own_unless_admin": False}):
        with pytest.raises(Refused, match="PT403 forbidden"):
            list_logs(sql, user, **options)


def test_twenty_parallel_deliveries_of_overlapping_batches_store_each_event_once(sql: Sql) -> None:
    users = [sql.user() for _ in range(3)]
    known = [
        event
        for user, start in zip(users, (0, 100, 200), strict=True)
        for event in events(user, range(start, start + 100))
    ]
    batches = [random.Random(seed % 10).sample(known, 150) for seed in range(20)]  # noqa: S311 - repeatable on purpose
    inserted, _ = sql.together(20, lambda number: insert(sql, batches[number]))
    stored = {event["id"] for batch in batches for event in batch}
    assert sum(inserted) == len(stored)
    assert {str(row["id"]) for row in sql.rows("select id from public.logs")} == stored


def test_an_event_twice_in_one_batch_is_stored_once_and_the_first_delivery_counts(sql: Sql) -> None:
    user = sql.user()
    (event,) = events(user, range(1))
    assert insert(sql, [event, event]) == 1
    assert insert(sql, [event | {"description": "changed"}]) == 0
    assert [row["description"] for row in list_logs(sql, user)["logs"]] == ["x"]
    assert list_logs(sql, user)["total"] == 1


def test_an_event_about_an_unknown_user_holds_nothing_up(sql: Sql) -> None:
    assert insert(sql, events(uuid.uuid4(), range(1)) + events(None, range(1, 2))) == 2


def grow(sql: Sql, what: str, owner: uuid.UUID, count: int) -> None:
    """That many more videos or events of an owner, and the planner's statistics."""
    if what == "list_videos":
        add_videos(sql, owner, count)
    else:
        sql.run(
            """insert into public.logs (id, user_id, action_type, description, service_name, created_at)
               select gen_random_uuid(), %s, 'LOGIN', 'x', 'login', now() - make_interval(secs => n / 3)
               from generate_series(1, %s) n""",
            owner, count,
        )  # fmt: skip
        sql.run("insert into public.totals values ('logs', %s, 0) on conflict do nothing", owner)
        sql.run("update public.totals set value = value + %s where scope = 'logs'", count)
    with sql.connect(role="reelay") as connection:
        connection.execute("analyze")


@pytest.mark.parametrize("what", ["list_videos", "list_logs"])
@pytest.mark.parametrize("whose", ["everybody's", "own"])
def test_a_page_costs_the_same_of_a_thousand_rows_and_of_twenty_thousand(sql: Sql, what: str, whose: str) -> None:
    user = sql.user(role="admin")
    only = {"search": None} if what == "list_videos" else {"own_unless_admin": True}
    common = {"caller_id": user, "user_id": user if whose == "own" else None, "limit": 16, **only}

    def costs() -> tuple[int, int]:
        """Blocks of the first page, and of one far inside by its cursor."""
        first = {"start": 0, "after_at": None, "after_id": None}
        position = sql.call(what, **common, **first | {"start": 900})["next"]
        after = {"start": 0, "after_at": position["at"], "after_id": position["id"]}
        return sql.blocks(what, **common, **first), sql.blocks(what, **common, **after)

    grow(sql, what, user, 1_000)
    few = costs()
    grow(sql, what, user, 19_000)
    many = costs()
    # Each index may be a level deeper and each of 17 rows in a block of its own.
    assert all(0 < after <= before + 25 for before, after in zip(few, many, strict=True))
