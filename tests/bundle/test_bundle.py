"""What is deployed: each function's zip is complete, holds nothing else, and is the same wherever it is built."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from local import bundle, catalog

FUNCTIONS = catalog.load()
COMMON = {f"common/{path.name}" for path in (catalog.ROOT / "common").iterdir() if path.suffix == ".py"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_holds_the_function_common_and_the_requirements_and_nothing_else(name: str, tmp_path: Path) -> None:
    with ZipFile(bundle.build(FUNCTIONS[name], tmp_path)) as built:
        assert built.testzip() is None
        assert sorted(built.namelist()) == sorted({"main.py", "requirements.txt", *COMMON})
        assert built.read("main.py") == FUNCTIONS[name].source.read_bytes()
        assert built.read("requirements.txt") == (catalog.ROOT / "requirements.txt").read_bytes()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_sources_give_the_same_bytes_wherever_and_whenever_they_were_checked_out(
    name: str, tmp_path: Path
) -> None:
    first = bundle.build(FUNCTIONS[name], tmp_path).read_bytes()
    built = bundle.build(FUNCTIONS[name], tmp_path)
    assert built.read_bytes() == first
    with ZipFile(built) as opened:
        assert {(entry.date_time, entry.external_attr) for entry in opened.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644 << 16)
        }


def test_make_bundle_shows_the_size_of_each_and_of_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "dist"
    directory.mkdir()
    (directory / "removed.zip").touch()
    bundle.main(directory)
    *lines, total = capsys.readouterr().out.splitlines()
    paths = [directory / f"{name}.zip" for name in FUNCTIONS]
    assert sorted(directory.iterdir()) == sorted(paths)
    for line, path in zip(lines, paths, strict=True):
        with ZipFile(path) as built:
            unpacked_kib = sum(entry.file_size for entry in built.infolist()) / 1024
        assert line.split()[0].endswith(path.name)
        assert f" {path.stat().st_size / 1024:.1f} KiB" in line
        assert f" {unpacked_kib:.1f} KiB unpacked" in line
    assert f" {sum(path.stat().st_size for path in paths) / 1024:.1f} KiB" in total
