"""The composition root: the real collaborators of one function instance, each built at first use, each replaceable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.config import Config
from common.imports import once

if TYPE_CHECKING:
    from common.audit import AuditSender
    from common.auth import Tokens
    from common.db import Database
    from common.direct_uploads import DirectUploads
    from common.media import MediaHost
    from common.media_account import CloudinaryAccount, S3Account
    from common.paging import Cursors
    from common.purge import Purge
    from common.upload_checks import UploadChecks
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
        from common.media_account import S3Account

        account, config = self.media_account, self.config
        delivery_url = config.media_delivery_url or account.delivery_url
        if isinstance(account, S3Account):
            from common.media_s3 import S3
            from common.s3_bucket import Bucket

            return S3(Bucket(account), delivery_url, config.media_access)
        from common.media_cloudinary import Cloudinary

        return Cloudinary(account, delivery_url, config.media_access, config.media_webhook_url)

    @once
    def media_account(self) -> CloudinaryAccount | S3Account:
        from common.media_account import parse

        return parse(self.config.media_url)

    @once
    def uploads(self) -> Uploads:
        from common.uploads import Uploads

        return Uploads(self.db, self.media, self.config)

    @once
    def direct_uploads(self) -> DirectUploads:
        from common.direct_uploads import DirectUploads

        return DirectUploads(self.db, self.media, self.upload_checks, self.config)

    @once
    def upload_checks(self) -> UploadChecks:
        from common.upload_checks import UploadChecks

        return UploadChecks(self.db, self.media)

    @once
    def purge(self) -> Purge:
        from common.purge import Purge

        return Purge(self.db, self.media)

    @once
    def audit(self) -> AuditSender:
        from common.audit import AuditSender
        from common.tasks import CloudTasks

        return AuditSender(CloudTasks(self.config))
