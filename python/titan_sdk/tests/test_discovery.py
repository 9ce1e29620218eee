"""Where the master and its token are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from titan_sdk.discovery import find_token, find_url

from titan_sdk import InvalidInput, TitanAuthError, TitanClient


def test_the_address_is_looked_for_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_url() == "http://127.0.0.1:9090"
    monkeypatch.setenv("TITAN_HOST", "box")
    assert find_url() == "http://box:9090"
    monkeypatch.setenv("TITAN_PORT", "1234")
    assert find_url() == "http://box:1234"
    monkeypatch.setenv("TITAN_HOST", "::1")
    assert find_url() == "http://[::1]:1234"
    monkeypatch.setenv("TITAN_URL", "https://titan.example/cluster/")
    assert find_url() == "https://titan.example/cluster"
    assert find_url("http://here:1") == "http://here:1"
    assert find_url("here:1") == "http://here:1"


@pytest.mark.parametrize("url", ["ftp://x", "a b:1", "http://", "http://x:port", "http://x:0"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        find_url(url)


def test_the_token_is_looked_for_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find_token() is None
    home = tmp_path / "state" / "titan"
    home.mkdir(parents=True)
    (home / "token").write_text("titan_home\n")
    (home / "token").chmod(0o600)
    assert find_token() == "titan_home"
    monkeypatch.setenv("TITAN_STATE_HOME", str(tmp_path / "elsewhere"))
    assert find_token() is None
    named = tmp_path / "secret"
    named.write_text("titan_file")
    monkeypatch.setenv("TITAN_TOKEN_FILE", str(named))
    assert find_token() == "titan_file"
    monkeypatch.setenv("TITAN_TOKEN", "titan_env")
    assert find_token() == "titan_env"
    assert find_token("titan_given") == "titan_given"


@pytest.mark.parametrize("token", ["a b", "a\nb", "a\0b", "é"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(TitanAuthError, match="no token has") as caught:
        find_token(token)
    assert token not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "state" / "titan"
    home.mkdir(parents=True)
    (home / "token").write_text("titan_home\n")
    (home / "token").chmod(mode)
    with pytest.raises(TitanAuthError, match="read by others") as caught:
        find_token()
    assert "chmod 600" in caught.value.hint
    # Told at once: no waiting for a master will mend it.
    with pytest.raises(TitanAuthError, match="read by others"):
        TitanClient("http://127.0.0.1:9", retry_window=60).nodes()


def test_a_token_file_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TITAN_TOKEN_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(TitanAuthError, match="nowhere"):
        find_token()
