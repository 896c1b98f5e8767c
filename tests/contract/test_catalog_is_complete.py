"""functions/catalog.yaml and the code say the same."""

import ast

import pytest

from common.config import OPTIONAL, REQUIRED
from local.catalog import ROOT, Function
from tests.conftest import Functions
from tests.contract.endpoints import FUNCTIONS, NAMES

SECRETS = {"SUPABASE_SECRET_KEY", "JWT_SECRETS", "MEDIA_URL"}


def test_each_folder_has_an_entry_and_each_entry_a_folder() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/main.py")}
    assert folders == set(NAMES)


def test_a_folder_holds_its_main_py_and_nothing_else() -> None:
    for name in NAMES:
        files = [path.name for path in (ROOT / "functions" / name).iterdir() if path.name != "__pycache__"]
        assert files == ["main.py"]


@pytest.mark.parametrize("entry", FUNCTIONS, ids=NAMES)
def test_the_decorator_says_what_the_catalog_says(functions: Functions, entry: Function) -> None:
    posture = functions.entry(entry.name).posture
    assert (posture.name, posture.methods, posture.caller) == (entry.name, entry.methods, entry.caller)


@pytest.mark.parametrize("entry", FUNCTIONS, ids=NAMES)
def test_a_function_is_granted_exactly_what_it_reads(functions: Functions, entry: Function) -> None:
    needed = {key for need in functions.entry(entry.name).posture.needs for key in REQUIRED[need]}
    assert set(entry.secrets) == needed & SECRETS
    assert set(entry.environment) == needed - SECRETS
    assert set(entry.options) <= set(OPTIONAL)


@pytest.mark.parametrize("name", NAMES)
def test_a_main_py_reads_as_a_story(name: str) -> None:
    text = (ROOT / "functions" / name / "main.py").read_text()
    assert 15 <= len(text.splitlines()) <= 40
    tree = ast.parse(text)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
    assert "environ" not in text
    assert "jsonify" not in text


@pytest.mark.parametrize("entry", FUNCTIONS, ids=NAMES)
def test_cloud_resource_names_fit_googles_rules(entry: Function) -> None:
    """A service account's id has 6 to 30 characters of [a-z0-9-]; Cloud Run refuses an underscore."""
    assert 6 <= len(entry.resource_name) <= 30
    assert entry.resource_name.replace("-", "").isalnum()


@pytest.mark.parametrize("entry", FUNCTIONS, ids=NAMES)
def test_memory_holds_what_concurrent_requests_spool(entry: Function) -> None:
    """A temporary file is memory there: 32 MiB a form, 24 MiB (measured) a chunk on its way, over 128 for Python."""
    if entry.name == "upload_video":
        assert entry.memory_mb >= 128 + entry.concurrency * (32 + 24)
