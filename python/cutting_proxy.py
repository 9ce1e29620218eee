"""A TCP proxy that cuts connections in the middle of an answer, as a bad network does."""

from __future__ import annotations

import contextlib
import socket
import threading


class CuttingProxy:
    """Passes connections on to `port`. The first one ends after `cut_after` bytes towards the client, in the
    middle of whatever they are, each later one a little later; 0 passes everything."""

    def __init__(self, port: int, cut_after: int) -> None:
        self._port = port
        self.cut_after = cut_after
        self.cuts = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                master = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client, master, 0), daemon=True).start()
            # Ever later, so that a record which is longer than the first limit passes in the end.
            limit = self.cut_after * (1 + self.cuts)
            threading.Thread(target=self._pass, args=(master, client, limit), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, limit: int) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if limit and passed + len(data) >= limit:
                    target.sendall(data[: limit - passed])
                    self.cuts += 1
                    break
                target.sendall(data)
                passed += len(data)
        for side in (source, target):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()
