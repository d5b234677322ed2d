"""Between poller and server: counts, listens, and cuts connections off."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress


class Relay:
    """Stands between poller and server: counts connections, and cuts them off where a test says."""

    def __init__(self, server_port: int, context: ssl.SSLContext | None = None) -> None:
        self._server_port = server_port
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self.sent = b""
        """All that the poller has sent."""
        self.received = 0
        """Bytes that the server has sent."""
        self.before: Callable[[bytes], None] = lambda _command: None
        """Called with what the poller sends before the server gets it."""
        self.cut_when: Callable[[bytes], bool] = lambda _answer: False
        self.in_pieces: Callable[[bytes], Iterable[bytes]] = lambda answer: [answer]
        """What the poller gets instead of what the server sends, each a packet of its own."""
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self._server_port))
                if self._context:
                    near = self._context.wrap_socket(near, server_side=True)
            except OSError:
                if self._listener.fileno() == -1:
                    return
                near.close()
                continue
            self._open += [near, far]
            threading.Thread(target=self._up, args=(near, far), daemon=True).start()
            threading.Thread(target=self._down, args=(far, near), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                self.sent += data
                self.before(data)
                far.sendall(data)
        self._end(near, far)

    def _down(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                if self.cut_when(data):
                    near.sendall(data[: len(data) // 2])
                    break
                self.received += len(data)
                for piece in self.in_pieces(data):
                    near.sendall(piece)
        self._end(near, far)

    def _end(self, *sockets: socket.socket) -> None:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def kick(self) -> None:
        """Break every connection off."""
        self._end(*self._open)
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.kick()
