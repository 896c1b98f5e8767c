"""A request whose file parts go straight to disk: memory stays the same for 1 kB and for 100 MB."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Request

from local.media_host.errors import bad_request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

LARGEST_FILE_BYTES = 100 * 1024 * 1024  # of a single request; above it, the service asks for chunks
FORM_ALLOWANCE_BYTES = 1024 * 1024


class StagedRequest(Request):
    """Leaving its `with` block removes every staged file that was not moved away."""

    max_content_length = LARGEST_FILE_BYTES + FORM_ALLOWANCE_BYTES
    max_form_memory_size = FORM_ALLOWANCE_BYTES

    def __init__(self, environ: WSGIEnvironment, incoming: Path) -> None:
        super().__init__(environ)
        self._incoming = incoming
        self._staged: list[IO[bytes]] = []

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """werkzeug's hook: where the bytes of a file part go."""
        staged = tempfile.NamedTemporaryFile(dir=self._incoming, delete=False)  # noqa: SIM115 - closed in close()
        self._staged.append(staged)
        return staged

    def params(self) -> dict[str, str]:
        """The form's fields; `tags[]=a&tags[]=b` becomes `tags: "a,b"`, the form in which lists are signed."""
        return {name.removesuffix("[]"): ",".join(values) for name, values in self.form.lists()}

    def staged_file(self) -> tuple[Path, FileStorage]:
        """The `file` part on disk, complete. Raises 400 if there is none or if it is too large."""
        part = self.files.get("file")
        if part is None:
            raise bad_request("Missing required parameter - file")
        part.stream.close()
        path = Path(part.stream.name)
        size_bytes = path.stat().st_size
        if size_bytes > LARGEST_FILE_BYTES:
            raise bad_request(f"File size too large. Got {size_bytes}. Maximum is {LARGEST_FILE_BYTES}.")
        return path, part

    def close(self) -> None:
        super().close()
        for staged in self._staged:
            staged.close()
            Path(staged.name).unlink(missing_ok=True)
