"""What stands in terraform/ and in the sources, too, says the same in both places."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from common.config import OPTIONAL
from local.catalog import ROOT
from tests.terraform import checks_functions, checks_watching
from tests.terraform.conftest import STAGING, Applied
from tests.terraform.workspace import copied

# What follows from other things than var.settings, and what only the local cloud sets.
DERIVED = {"MEDIA_WEBHOOK_URL", "TRUSTED_PROXY_COUNT"}
LOCAL = {"CLOUD_TASKS_ENDPOINT"}
TEXTS = {  # texts that both take, texts that neither takes
    "MEDIA_ACCESS": (["public", "private"], ["", "Public", "public ", "publicprivate"]),
    "MEDIA_DELIVERY_URL": (["https://a.example/b"], ["https://", "https://a b", "ftp://a", ""]),
    "MEDIA_FOLDER": (["a", "0_-", "a" * 63], ["a" * 64, "-a", "_a", "A", "a/b", ""]),
}


@pytest.fixture(scope="module")
def rules(staging: Applied) -> dict[str, dict[str, Any]]:
    said = staging.workspace.run("console", *STAGING.arguments(), says="jsonencode(local._setting_rules)\n")
    found: dict[str, dict[str, Any]] = json.loads(json.loads(said))
    return found


def _takes(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def test_terraform_knows_the_settings_that_the_code_reads(rules: Mapping[str, Any]) -> None:
    assert set(rules) == set(OPTIONAL) - DERIVED - LOCAL


def test_bounds_of_numbers_are_the_codes(rules: Mapping[str, dict[str, Any]]) -> None:
    bounds = {name: (rule["minimum"], rule["maximum"]) for name, rule in rules.items() if "minimum" in rule}
    assert bounds.keys() == rules.keys() - TEXTS.keys()
    for name, (least, most) in bounds.items():
        found = [_takes(OPTIONAL[name], str(number)) for number in (least - 1, least, most, most + 1)]
        assert found == [False, True, True, False], name


@pytest.mark.parametrize("name", TEXTS)
def test_patterns_of_texts_are_the_codes(rules: Mapping[str, dict[str, Any]], name: str) -> None:
    right, wrong = TEXTS[name]
    for text in right + wrong:
        assert bool(re.search(rules[name]["pattern"], text)) is (text in right), text
        assert _takes(OPTIONAL[name], text) is (text in right), text


def test_the_bundles_of_the_real_sources_are_those_of_make_bundle(
    staging: Applied, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The deployments of the other tests have one line in place of each source."""
    real = copied(tmp_path_factory.mktemp("real"), staging.workspace.environ, short=False)
    real.run("init", "-no-color", "-input=false")
    real.run("plan", "-no-color", "-input=false", *STAGING.arguments())
    checks_functions.a_bundle_holds_what_make_bundle_puts_in(replace(staging.second.before, root=real.root))
    assert (real.root / "common" / "http.py").read_bytes() == (ROOT / "common" / "http.py").read_bytes()


def test_alerts_link_to_sections_that_are_there() -> None:
    headings = re.findall(r"(?m)^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    missing = set(checks_watching.RUNBOOKS.values()) - anchors
    assert not missing, f"docs/operations.md has no headings for {sorted(missing)}"
