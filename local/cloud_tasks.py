"""The local Cloud Tasks: Google publishes no emulator, so this serves the real google-cloud-tasks client over gRPC.

    python -m local.cloud_tasks --port 8123 --state .local --oidc-key .local/oidc.pem

Every queue that is well named exists. What is not shown here: creating queues, IAM, dispatch rates, attempt limits.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from local.oidc import Issuer
from local.task_dispatcher import Dispatcher, RetryPolicy
from local.task_service import TaskService
from local.task_store import TaskStore

HOST = "127.0.0.1"
STOP_SECONDS = 5.0
_RPC_THREADS = 8


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop, 1 with a line on stderr if it cannot start."""
    options = _parse(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server, port = _bind(options.port)
        issuer = Issuer.load(options.oidc_key)
        store = TaskStore(options.state / "cloud_tasks.sqlite")
    except (OSError, ValueError) as problem:
        print(f"cloud tasks cannot start: {problem}", file=sys.stderr)
        return 1
    dispatcher = Dispatcher(store, issuer, policy=RetryPolicy(), max_concurrent=options.max_concurrent)
    server.add_generic_rpc_handlers([TaskService(store, dispatcher).rpc_handler()])
    server.start()
    dispatcher.start()
    print(f"cloud tasks ready on {HOST}:{port}", flush=True)
    stop.wait()
    _shut_down(server, dispatcher, store)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.cloud_tasks", description="The local Cloud Tasks.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one; the ready line names it")
    parser.add_argument("--state", type=Path, required=True, help="the folder that keeps the tasks")
    parser.add_argument("--oidc-key", type=Path, required=True, help="the issuer's key (PEM), made if it is missing")
    parser.add_argument("--max-concurrent", type=int, default=10, help="requests under way at once (default 10)")
    return parser.parse_args(arguments)


def _bind(port: int) -> tuple[grpc.Server, int]:
    """A server on the loopback address and its port; raises OSError if the port is in use."""
    # gRPC would fail too, but only after several lines of its own on stderr.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            raise OSError(f"port {port}: {problem.strerror}") from problem
    # Without this option Linux lets a second server share the port, and each gets half of the calls.
    server = grpc.server(ThreadPoolExecutor(_RPC_THREADS), options=[("grpc.so_reuseport", 0)])
    try:
        return server, server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as taken:  # another process came between the probe and this
        raise OSError(f"port {port}: {taken}") from taken


def _shut_down(server: grpc.Server, dispatcher: Dispatcher, store: TaskStore) -> None:
    """Refuse new calls at once, give requests under way a moment, leave the rest to the next start."""
    refused = server.stop(STOP_SECONDS)
    if dispatcher.stop(STOP_SECONDS):
        refused.wait(STOP_SECONDS)
        store.close()


if __name__ == "__main__":
    sys.exit(main())
