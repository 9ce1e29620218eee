"""A master that is absent, mute or no master at all: an error within the window, never a loop."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from titan_sdk import TitanClient, TitanConnectionError, TitanJob


def test_an_absent_master_is_an_error_after_the_window() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        client = TitanClient(url, retry_window=0.6)
        for ask in (
            lambda: client.get_job_status("DAG-x"),
            lambda: client.submit_job(TitanJob("x", script_content="1")),
            lambda: list(client.logs("DAG-x")),
        ):
            started = time.monotonic()
            with pytest.raises(TitanConnectionError) as caught:
                ask()
            assert 0.5 <= time.monotonic() - started < 3
            assert caught.value.code == "master-unreachable"
            assert url in str(caught.value)


@pytest.fixture
def nonsense() -> Iterator[str]:
    """Something that answers each connection with what is not HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b"SSH-2.0-Nonsense\r\n\x00\xff\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_what_is_no_master_is_an_error_after_the_window(nonsense: str) -> None:
    with pytest.raises(TitanConnectionError):
        TitanClient(nonsense, "titan_x", retry_window=0.3).get_job_status("DAG-x")


def test_a_mute_master_is_an_error_after_the_window() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = TitanClient(f"http://127.0.0.1:{server.getsockname()[1]}", "titan_x", retry_window=1.0)
        started = time.monotonic()
        with pytest.raises(TitanConnectionError):
            client.get_job_status("DAG-x")
        assert time.monotonic() - started < 5
