"""Cloud Tasks: hands a batch of audit events to the queue, which posts it to write_log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.config import Config
from common.imports import once

CALL_TIMEOUT_SECONDS = 2.0


class CloudTasks:
    """Creates one task a batch (`{"events": [...]}`, each event as JSON text); raises what the SDK raises.

    Needs roles/cloudtasks.enqueuer on the queue and roles/iam.serviceAccountUser on the tasks' service account.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def __call__(self, batch: Sequence[str], /) -> None:
        tasks_v2, client = self._connection
        target = self._config.write_log_url
        account = self._config.tasks_service_account
        task = tasks_v2.Task(
            # No name: a repeated call's rows are told by their ids, and names cost Cloud Tasks a look-up.
            http_request=tasks_v2.HttpRequest(
                url=target,
                headers={"Content-Type": "application/json"},  # Cloud Tasks sets none
                body=('{"events":[' + ",".join(batch) + "]}").encode(),
                # The default audience is the whole target address, path and query: said explicitly, it cannot drift.
                oidc_token=tasks_v2.OidcToken(service_account_email=account, audience=target),
            ),
        )
        client.create_task(parent=self._config.audit_queue, task=task, timeout=CALL_TIMEOUT_SECONDS, retry=None)

    @once
    def _connection(self) -> tuple[Any, Any]:
        """The SDK's module and a client."""
        from google.cloud import tasks_v2

        if not self._config.cloud_tasks_endpoint:
            return tasks_v2, tasks_v2.CloudTasksClient()
        import grpc
        from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

        # gRPC would wait up to two minutes before it looks again for a server that came back.
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
        channel = grpc.insecure_channel(self._config.cloud_tasks_endpoint, options=options)
        return tasks_v2, tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
