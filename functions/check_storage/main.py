"""GET /check_storage - storage quota, and with ?size_bytes= whether a file of that size would be taken."""

import functions_framework
from marshmallow import Schema

from common.http import Answer, Call, endpoint
from common.quota import Usage, fit, megabytes
from common.validation import QueryInteger


class CheckStorage(Schema):
    size_bytes = QueryInteger(minimum=1, maximum=2**40, load_default=None)


@functions_framework.http
@endpoint(methods=["GET"], caller="user", action="CHECK_STORAGE", query=CheckStorage)
def check_storage(call: Call) -> Answer:
    """Asking reserves nothing: the answer to size_bytes holds until something else is uploaded."""
    config = call.app.config
    overview = call.app.db.call("storage_overview", user_id=call.user.id)
    open_uploads = overview.pop("open_uploads")
    usage = Usage(**overview)
    storage = usage.storage(config.storage_quota_bytes)
    answer = {
        "totalSizeMb": megabytes(usage.storage_used_bytes),
        "maxStorageMb": megabytes(config.storage_quota_bytes),
        "usagePercentage": 100 * usage.storage_used_bytes / max(1, config.storage_quota_bytes),
        **storage,
        "video_count": usage.video_count,
        "open_uploads": open_uploads,
    }
    call.describe("Storage checked")
    if call.input["size_bytes"] is None:
        return answer
    limits = {"storage_bytes": config.storage_quota_bytes, "bandwidth_bytes": config.upload_bandwidth_bytes}
    return answer | vars(fit(usage, call.input["size_bytes"], **limits))
