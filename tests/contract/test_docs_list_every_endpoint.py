"""What the documentation lists, it lists completely: it is made from the code, or compared with it."""

import ast
import re
from pathlib import Path

import pytest

from common import errors
from local import readme_table
from local.catalog import ROOT
from local.settings import NAMES as SETTINGS
from tests.contract.endpoints import NAMES

API = (ROOT / "docs" / "api.md").read_text()
MARKDOWN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readmes_table_of_functions_is_the_catalogs() -> None:
    assert readme_table.README.read_text() == readme_table.written(), "run `make fmt`"


@pytest.mark.parametrize("name", NAMES)
def test_the_api_page_describes_every_function(name: str) -> None:
    assert re.search(rf"`(GET|POST|DELETE) /{name}\b", API)


@pytest.mark.parametrize("error", errors.ApiError.__subclasses__(), ids=lambda error: error.code)
def test_the_api_page_lists_every_error_with_its_status(error: type[errors.ApiError]) -> None:
    rows = [line for line in API.splitlines() if line.startswith(f"| {int(error.status)} |")]
    assert any(f"`{error.code}`" in row for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_api_page_lists_every_action_type(name: str) -> None:
    tree = ast.parse((ROOT / "functions" / name / "main.py").read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for action in (text for text in texts if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", text) and text not in ("GET", "POST")):
        if action != "DELETE":
            assert re.search(rf"\b{action}\b", API)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_example_env_file_names_every_setting(name: str) -> None:
    assert name in (ROOT / ".env.example").read_text()


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_a_link_leads_to_a_file_that_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_a_file_that_is_named_is_there(page: Path) -> None:
    for name in re.findall(r"`((?:common|local|tests|docs|supabase|functions)/[\w./-]+\.\w+)`", page.read_text()):
        assert (ROOT / name).exists(), name
