"""Lines to the event log: whole, in few events, with a bound."""

from __future__ import annotations

import logging
from datetime import datetime, timezone

import pytest
from dagster_titan.event_log import BATCH_CHARACTERS, EventLog

from titan_sdk import LogEvent


def event(text: str, stream: str = "stdout") -> LogEvent:
    return LogEvent(stream, text, datetime.now(timezone.utc), 1)


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    caplog.set_level(logging.INFO)
    return logging.getLogger("event-log-test")


def test_lines_are_whole_and_streams_are_marked(
    messages: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(messages, wanted=True)
    for piece, stream in [
        ("on", "stdout"),
        ("war", "stderr"),
        ("e\ntw", "stdout"),
        ("ning\n", "stderr"),
        ("o", "stdout"),
    ]:
        log.add(event(piece, stream))
    log.flush()
    assert "\n".join(caplog.messages) == "one\nstderr: warning\ntwo"


def test_many_lines_are_few_events_and_nothing_is_left_out_silently(
    messages: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(messages, wanted=True)
    for number in range(20_000):
        log.add(event(f"{number:060d}\n"))
    log.flush()
    assert len(caplog.messages) <= 20
    assert all(len(message) <= BATCH_CHARACTERS * 1.2 for message in caplog.messages)
    shown = sum(1 for message in caplog.messages for line in message.splitlines() if line.startswith("0"))
    left_out = sum(
        int(line[1:].split()[0])
        for message in caplog.messages
        for line in message.splitlines()
        if line[0] == "("
    )
    assert shown + left_out == 20_000


def test_it_can_be_off(messages: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    log = EventLog(messages, wanted=False)
    log.add(event("line\n"))
    log.flush()
    assert caplog.messages == []
