"""The composition root: the real collaborators of one function instance, each built at first use, each replaceable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.config import Config
from common.imports import once

if TYPE_CHECKING:
    from common.audit import AuditSender
    from common.auth import Tokens
    from common.db import Database
    from common.media import MediaHost
    from common.paging import Cursors
    from common.purge import Purge
    from common.uploads import Uploads


class Services:
    """Imports inside the properties: an instance loads what its function uses, when it uses it."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @once
    def db(self) -> Database:
        from common.db import Database

        return Database(self.config.supabase_url, self.config.supabase_secret_key)

    @once
    def tokens(self) -> Tokens:
        from common.auth import Tokens

        return Tokens(self.config.jwt_secrets)

    @once
    def cursors(self) -> Cursors:
        from common.paging import Cursors

        return Cursors(self.config.jwt_secrets)

    @once
    def media(self) -> MediaHost:
        from common.media import Cloudinary

        return Cloudinary(self.config.cloudinary_url)

    @once
    def uploads(self) -> Uploads:
        from common.uploads import Uploads

        return Uploads(self.db, self.media, self.config)

    @once
    def purge(self) -> Purge:
        from common.purge import Purge

        return Purge(self.db, self.media)

    @once
    def audit(self) -> AuditSender:
        from common.audit import AuditSender
        from common.tasks import CloudTasks

        return AuditSender(CloudTasks(self.config))
