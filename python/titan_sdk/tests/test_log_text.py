"""Bytes of a log to text: whole characters, whatever the pieces."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from titan_sdk.logs import _Decoder, _join_tail

TEXT = "héllo ✓ wörld 🚀\n"


def record(data: bytes, stream: str = "stdout", attempt: int = 1) -> dict[str, Any]:
    return {"attempt": attempt, "stream": stream, "data": base64.b64encode(data).decode(), "cursor": "1:1"}


@pytest.mark.parametrize("size", range(1, 8))
def test_characters_cut_by_pieces_arrive_whole(size: int) -> None:
    decoder, data, text = _Decoder(), TEXT.encode() * 3, ""
    for start in range(0, len(data), size):
        # The other stream's pieces come in between and must not disturb.
        for event in decoder.feed(record(b"\xe2\x9c"[start % 2 :][:1], "stderr")):
            assert event.stream == "stderr"
        for event in decoder.feed(record(data[start : start + size])):
            text += event.text
    assert text == TEXT * 3


def test_what_is_not_utf8_is_replaced_and_a_cut_end_is_shown() -> None:
    decoder = _Decoder()
    events = [*decoder.feed(record(b"a\xffb\xe2\x9c")), *decoder.finish()]
    assert "".join(event.text for event in events) == "a\ufffdb\ufffd"


def test_a_new_attempt_starts_anew() -> None:
    decoder = _Decoder()
    events = [*decoder.feed(record(b"a\xe2")), *decoder.feed(record("✓".encode(), attempt=2))]
    assert [(event.attempt, event.text) for event in events] == [(1, "a"), (1, "\ufffd"), (2, "✓")]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 10, 17, 18, 40])
def test_a_tail_has_at_most_what_was_asked_and_says_what_it_lacks(most: int) -> None:
    data = TEXT.encode()
    text = _join_tail([("stdout", data[:7]), ("stdout", data[7:])], 100, most)
    head, _, body = text.partition("\n")
    assert f"{100 + max(0, len(data) - most)} bytes" in head
    assert "\ufffd" not in body
    assert TEXT.endswith(body)
    assert len(body.encode()) <= most


def test_a_whole_log_has_no_first_line_of_ours() -> None:
    assert _join_tail([("stdout", b"a\n"), ("stderr", b"b\n")], 0, 100) == "a\nb\n"
    assert _join_tail([], 0, 100) == ""
