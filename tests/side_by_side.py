"""How `make test` spreads the tests over processes: what shares something that is dear to make stays together.

Each process has a PostgreSQL and a local cloud of its own. Without -n all tests run in one.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling

# What takes minutes comes first, so that nothing long is left to one process at the end.
LONG = ("tests/terraform/", "tests/media/test_no_byte_leaks.py", "tests/media/", "tests/emulator/", "tests/local/")


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """One file after the other goes to whichever process is free, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/terraform/"):
            return "tests/terraform"  # the same deployments serve all of its files
        if nodeid.startswith("tests/media/test_no_byte_leaks.py"):
            return nodeid  # minutes each, and nothing shared
        return str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """As xdist asks for it: https://pytest-xdist.readthedocs.io/en/stable/how-to.html."""
    config.option.loadscopereorder = False  # else files with few tests come last, however long they take
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts long tests first; otherwise the order stays."""

    def rank(item: pytest.Item) -> int:
        return next((rank for rank, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG))

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test has to show (`record_property("shown", text)`), in whichever process it ran."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties if report.when == "call" else ():
            if name == "shown":
                terminalreporter.write_line(str(text))
