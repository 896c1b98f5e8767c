"""Late imports: one thread at a time, one value for all."""

import subprocess
import sys
import threading

from common.imports import once
from local.catalog import ROOT


class Slow:
    computed = 0

    @once
    def value(self) -> object:
        """Documented."""
        Slow.computed += 1
        threading.Event().wait(0.05)
        return object()


def test_threads_that_meet_get_the_same_value() -> None:
    slow, seen = Slow(), list[object]()
    threads = [threading.Thread(target=lambda: seen.append(slow.value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Slow.computed == 1
    assert len(seen) == 8
    assert len(set(map(id, seen))) == 1


PROGRAM = """
import threading
from common.tasks import CloudTasks
from common.config import Config
from common.db import Database
from common.media_account import CloudinaryAccount
from common.media_cloudinary import Cloudinary
config = Config(cloud_tasks_endpoint="127.0.0.1:1")
failures = []
def use(make, attribute):
    try:
        found = getattr(make(), attribute)
        found() if attribute == "__call__" else None
    except Exception as failed:
        failures.append(failed)
uses = [
    (lambda: CloudTasks(config), "_connection"),
    (lambda: Database("http://127.0.0.1:1", "k" * 20)._connected, "__call__"),
    (lambda: Cloudinary(CloudinaryAccount("c", "k", "s"), "https://h", "public", ""), "_sdk"),
] * 6
threads = [threading.Thread(target=use, args=one) for one in uses]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
raise SystemExit(repr(failures) if failures else 0)
"""


def test_sdks_that_share_packages_load_in_many_threads_at_once() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
