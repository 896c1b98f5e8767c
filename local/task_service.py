"""The RPCs of google.cloud.tasks.v2.CloudTasks that this project and its tests use, in the library's own types."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
from google.cloud.tasks_v2.types import (
    CreateTaskRequest,
    DeleteTaskRequest,
    GetQueueRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    PauseQueueRequest,
    PurgeQueueRequest,
    Queue,
    RateLimits,
    ResumeQueueRequest,
    RetryConfig,
    RunTaskRequest,
    Task,
)
from google.protobuf.empty_pb2 import Empty

from local.task_dispatcher import Dispatcher
from local.task_rules import RefusedError, accept, check_queue, shown
from local.task_store import StoredTask, TaskStore

MAX_PAGE = 1000  # tasks, and what a client gets that does not ask
_SERVICE = "google.cloud.tasks.v2.CloudTasks"


class TaskService:
    """Answers the RPCs from the store; each method raises RefusedError for what is not answered with OK."""

    def __init__(self, store: TaskStore, dispatcher: Dispatcher) -> None:
        self._store = store
        self._dispatcher = dispatcher

    def rpc_handler(self) -> grpc.GenericRpcHandler:
        """Everything a gRPC server needs; an RPC that is not in this table is answered with UNIMPLEMENTED."""
        rpcs = {
            "CreateTask": (self.create_task, CreateTaskRequest.deserialize, Task.serialize),
            "GetTask": (self.get_task, GetTaskRequest.deserialize, Task.serialize),
            "ListTasks": (self.list_tasks, ListTasksRequest.deserialize, ListTasksResponse.serialize),
            "DeleteTask": (self.delete_task, DeleteTaskRequest.deserialize, Empty.SerializeToString),
            "RunTask": (self.run_task, RunTaskRequest.deserialize, Task.serialize),
            "GetQueue": (self.get_queue, GetQueueRequest.deserialize, Queue.serialize),
            "PauseQueue": (self.pause_queue, PauseQueueRequest.deserialize, Queue.serialize),
            "ResumeQueue": (self.resume_queue, ResumeQueueRequest.deserialize, Queue.serialize),
            "PurgeQueue": (self.purge_queue, PurgeQueueRequest.deserialize, Queue.serialize),
        }
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                name: grpc.unary_unary_rpc_method_handler(_answering(method), read, write)
                for name, (method, read, write) in rpcs.items()
            },
        )

    def create_task(self, request: CreateTaskRequest) -> Task:
        now = time.time()
        new = accept(request, now)
        if not self._store.insert(new.name, new.queue, new.spec, new.due_at, keep_name=new.keep_name, now=now):
            raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, "a task of this name exists or did of late")
        self._dispatcher.wake()
        return shown(StoredTask(new.name, new.queue, new.spec, new.due_at, 0, 0, 0, None, ""), request.response_view)

    def get_task(self, request: GetTaskRequest) -> Task:
        return shown(self._existing(request.name), request.response_view)

    def list_tasks(self, request: ListTasksRequest) -> ListTasksResponse:
        """One page by name; the token is the last name of the page before."""
        check_queue(request.parent)
        limit = min(request.page_size, MAX_PAGE) if request.page_size > 0 else MAX_PAGE
        page = self._store.page(request.parent, request.page_token, limit + 1)
        token = page[limit - 1].name if len(page) > limit else ""
        tasks = [shown(stored, request.response_view) for stored in page[:limit]]
        return ListTasksResponse(tasks=tasks, next_page_token=token)

    def delete_task(self, request: DeleteTaskRequest) -> Empty:
        if not self._store.delete(request.name):
            raise _not_found()
        return Empty()

    def run_task(self, request: RunTaskRequest) -> Task:
        """Make a task due now, even in a paused queue; answers with the task as it was before."""
        stored = self._existing(request.name)
        self._store.force(request.name, time.time())
        self._dispatcher.wake()
        return shown(stored, request.response_view)

    def get_queue(self, request: GetQueueRequest) -> Queue:
        check_queue(request.name)
        state = Queue.State.PAUSED if self._store.is_paused(request.name) else Queue.State.RUNNING
        return Queue(
            name=request.name,
            state=state,
            rate_limits=RateLimits(max_concurrent_dispatches=self._dispatcher.max_concurrent),
            retry_config=RetryConfig(
                max_attempts=-1,
                min_backoff=timedelta(seconds=self._dispatcher.policy.min_seconds),
                max_backoff=timedelta(seconds=self._dispatcher.policy.max_seconds),
                max_doublings=self._dispatcher.policy.max_doublings,
            ),
        )

    def pause_queue(self, request: PauseQueueRequest) -> Queue:
        """Stop sending this queue's tasks; requests under way go on."""
        check_queue(request.name)
        self._store.set_paused(request.name, paused=True)
        return self.get_queue(GetQueueRequest(name=request.name))

    def resume_queue(self, request: ResumeQueueRequest) -> Queue:
        check_queue(request.name)
        self._store.set_paused(request.name, paused=False)
        self._dispatcher.wake()
        return self.get_queue(GetQueueRequest(name=request.name))

    def purge_queue(self, request: PurgeQueueRequest) -> Queue:
        """Delete every task of a queue; requests under way go on, and are not repeated if they fail."""
        check_queue(request.name)
        self._store.purge(request.name)
        return self.get_queue(GetQueueRequest(name=request.name))

    def _existing(self, name: str) -> StoredTask:
        stored = self._store.get(name)
        if stored is None:
            raise _not_found()
        return stored


def _not_found() -> RefusedError:
    return RefusedError(grpc.StatusCode.NOT_FOUND, "no such task: it may be done or deleted")


def _answering(method: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    """`method` as gRPC calls it, its refusals turned into status codes."""

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(request)
        except RefusedError as refused:
            return context.abort(refused.code, str(refused))  # raises: there is no answer

    return answer
