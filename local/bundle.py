"""Builds what is deployed: dist/<function>.zip for every function of the catalog (`make bundle`).

A bundle holds the function's main.py, common/ and requirements.txt. The same sources give the same bytes, so that a
bundle's hash says whether a function has to be deployed again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from local import catalog

# The oldest date that a zip file can hold: a file's own date says when it was checked out, not what it is.
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def contents(function: catalog.Function) -> dict[str, Path]:
    """The bundle's files: name in the bundle -> source, in a fixed order."""
    shared = {str(path.relative_to(catalog.ROOT)): path for path in (catalog.ROOT / "common").rglob("*.py")}
    files = {"main.py": function.source, "requirements.txt": catalog.ROOT / "requirements.txt", **shared}
    return dict(sorted(files.items()))


def build(function: catalog.Function, directory: Path) -> Path:
    """Write one bundle, and return its path."""
    path = directory / f"{function.name}.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as bundle:
        for name, source in contents(function).items():
            entry = ZipInfo(name, _DATE)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = _MODE
            bundle.writestr(entry, source.read_bytes())
    return path


def main(directory: Path = catalog.ROOT / "dist") -> None:
    """Build all bundles afresh, and print the size of each and of all."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    paths = [build(function, directory) for function in catalog.load().values()]
    for path in paths:
        with ZipFile(path) as built:
            unpacked_bytes = sum(entry.file_size for entry in built.infolist())
        print(f"{directory.name}/{path.name:<22} {_kib(path.stat().st_size)}, {_kib(unpacked_bytes)} unpacked")
    print(f"{len(paths)} bundles, {_kib(sum(path.stat().st_size for path in paths))} together")


def _kib(size_bytes: int) -> str:
    return f"{size_bytes / 1024:.1f} KiB"


if __name__ == "__main__":
    main()
