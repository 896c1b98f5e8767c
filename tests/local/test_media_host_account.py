"""Where the media host has its account from: the environment, because everybody can read a command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local.media_host.__main__ import main


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (None, "media host: set CLOUDINARY_URL to cloudinary://KEY:SECRET@CLOUD, or give --cloudinary-url\n"),
        ("", "media host: set CLOUDINARY_URL to cloudinary://KEY:SECRET@CLOUD, or give --cloudinary-url\n"),
        ("cloudinary://key:hunter2", "argument --cloudinary-url: expected cloudinary://KEY:SECRET@CLOUD\n"),
    ],
)
def test_without_an_account_it_says_where_it_looks_for_one(
    url: str | None,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("CLOUDINARY_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("CLOUDINARY_URL", url)
    monkeypatch.setattr(sys, "argv", ["media_host", "--port", "0", "--state", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        main()
    shown = capsys.readouterr().err
    assert shown.endswith(complaint)
    assert "hunter2" not in shown
