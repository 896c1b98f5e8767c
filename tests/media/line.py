"""A network that breaks on order, between a page and a server."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Thread


class Line:
    """A TCP line to a server. Once `break_at_bytes` have gone through to it, it is dead until that is None again."""

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent_bytes = 0
        self.break_at_bytes: int | None = None
        self.loses_answer_to: bytes | None = None  # once
        Thread(target=self._listen, daemon=True).start()

    @property
    def is_broken(self) -> bool:
        return self.break_at_bytes is not None and self.sent_bytes >= self.break_at_bytes

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._connect, args=(client,), daemon=True).start()
        except OSError:
            pass  # closed

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self.server_port)) as server:
            is_lost = Event()
            Thread(target=self._answer, args=(server, client, is_lost), daemon=True).start()
            with suppress(OSError):
                self._send(client, server, is_lost)
            _hang_up(client, server)

    def _send(self, client: socket.socket, server: socket.socket, is_lost: Event) -> None:
        while not self.is_broken and (piece := client.recv(64 * 1024)):
            if self.loses_answer_to and piece.startswith(self.loses_answer_to):
                self.loses_answer_to = None
                is_lost.set()
            server.sendall(piece)
            self.sent_bytes += len(piece)

    def _answer(self, server: socket.socket, client: socket.socket, is_lost: Event) -> None:
        with suppress(OSError):
            while (piece := server.recv(64 * 1024)) and not is_lost.is_set():
                client.sendall(piece)
        _hang_up(client, server)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
