"""Uploads, notifications, deletions and failures in whatever order: no quota byte leaks, on either media host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import run_state_machine_as_test

from tests.cloud import Cloud
from tests.media.walk import Walk
from tests.media.world import DOCUMENTED, DOWN, World

STEPS = 1_000
WALKS = settings(
    max_examples=29,
    stateful_step_count=40,  # at the most: now and then a walk is a shorter one
    derandomize=True,  # the same walks in every run
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# What is met never or seldom: so low are no limits here, so slow is no form, ...
SELDOM = {
    "ticket 429 too_many_uploads", "form 410 upload_expired", "form 409 upload_in_progress",
    "form 429 bandwidth_quota_exceeded",
}  # fmt: skip
# ... Cloudinary itself refuses what is no video, ...
SELDOM_OF_CLOUDINARY = {"complete_upload 415 not_a_video", "media_webhook 503 dependency_unavailable"}
# ... and a bucket what is larger than reserved; it notifies nobody.
SELDOM_OF_S3 = {
    "complete_upload 413 larger_than_reserved", "media_webhook 200", "media_webhook 503 dependency_unavailable",
}  # fmt: skip


@pytest.fixture
def world(host: Cloud, tmp_path: Path) -> Iterator[World]:
    set_hypothesis_home_dir(tmp_path / "hypothesis")  # nothing is left behind in the repository
    opened = World(host, tmp_path)
    yield opened
    opened.close()
    set_hypothesis_home_dir(None)


@pytest.mark.timeout(600)
def test_no_byte_leaks(world: World, record_property: Callable[[str, object], None]) -> None:
    run_state_machine_as_test(lambda: Walk(world), settings=WALKS)  # type: ignore[arg-type]
    # How much was shown is part of what this test says.
    record_property("shown", f"{world.steps} steps: {dict(sorted(world.outcomes.items()))}")
    assert world.steps >= STEPS
    assert _expected(world) - set(world.outcomes) == set(), "the walks did not go everywhere: they show too little"


def _expected(world: World) -> set[str]:
    """What the walks must have met: docs/api.md has these answers, some of them for a broken host or database."""
    answers = {(what, *kind) for what, kinds in DOCUMENTED.items() for kind in {*kinds, DOWN}}
    seldom = SELDOM | (SELDOM_OF_S3 if world.is_s3 else SELDOM_OF_CLOUDINARY)
    return {f"{what} {status} {code}".strip() for what, status, code in answers} - seldom
