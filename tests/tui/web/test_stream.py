"""The live stream tells each event once, in order, and goes on at its position after a broken connection."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import ModuleType
from typing import Any

import httpx
import pytest

from orchestrion.eventstore import SQLiteLog
from orchestrion.projections import Store
from orchestrion.tui.web import stream

PATIENCE_SECONDS = 20


class Listener:
    """Reads server-sent events as a browser does."""

    def __init__(self, response: httpx.Response) -> None:
        self.lines, self.last_id = response.iter_lines(), ""

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        name, data = "message", ""
        for line in self.lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data += value
            elif not line:
                if data:
                    yield name, json.loads(data)
                name, data = "message", ""

    def until(self, position: int) -> list[int]:
        """Positions of the facts told, until `position` is."""
        told: list[int] = []
        for name, data in self.events():
            assert name == "facts"
            told += [fact["position"] for fact in data["facts"]]
            if data["position"] >= position:
                return told
        raise AssertionError(f"the stream ended at {told}")


@contextmanager
def listening(url: str, last_id: str | None = None, **parameters: Any) -> Iterator[Listener]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with (
        httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", "api/stream", params=parameters, headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Listener(response)


def test_what_was_and_what_comes_is_told_once_and_in_order(running: Any, log: SQLiteLog, stage: ModuleType) -> None:
    story = stage.story(stage.Play(log))
    next(story)
    with listening(running.url, session="ses_play", after=0) as listener:
        assert listener.until(1) == [1]
        next(story)
        assert listener.until(8) == [2, 3, 4, 5, 6, 7, 8]
        for _ in story:
            pass
        assert listener.until(log.head()) == list(range(9, log.head() + 1))
        assert listener.last_id == str(log.head())


def test_a_broken_connection_goes_on_at_its_position(running: Any, log: SQLiteLog, stage: ModuleType) -> None:
    story = stage.story(stage.Play(log))
    next(story)
    next(story)
    with listening(running.url, session="ses_play") as listener:
        told, last = listener.until(8), listener.last_id
    next(story)
    with listening(running.url, last, session="ses_play", after=0) as listener:
        told += listener.until(log.head())
    assert told == list(range(1, log.head() + 1))


def test_a_server_that_was_started_again_goes_on_too(running: Any, log: SQLiteLog, stage: ModuleType) -> None:
    story = stage.story(stage.Play(log))
    next(story)
    with listening(running.url, session="ses_play") as listener:
        told, last = listener.until(1), listener.last_id
    running.stop()
    next(story)
    running.start()
    with listening(running.url, last, session="ses_play") as listener:
        assert told + listener.until(log.head()) == list(range(1, log.head() + 1))


def test_other_sessions_are_not_told_but_move_the_position(running: Any, log: SQLiteLog, stage: ModuleType) -> None:
    mine = stage.Play(log, "ses_mine")
    mine.begin()
    with listening(running.url, session="ses_mine") as listener:
        assert listener.until(1) == [1]
        for _ in stage.story(stage.Play(log, "ses_other")):
            pass
        mine.end(9)
        assert listener.until(log.head()) == [log.head()]


def test_without_a_session_it_tells_which_ones_moved(running: Any, log: SQLiteLog, stage: ModuleType) -> None:
    for name in ("ses_a", "ses_b"):
        stage.Play(log, name).begin()
    with listening(running.url, after=0) as listener:
        moved: list[str] = []
        for _, data in listener.events():
            moved += data["sessions"]
            assert data["facts"] == []
            if data["position"] == log.head():
                break
    assert sorted(set(moved)) == ["ses_a", "ses_b"]


def test_a_position_beyond_the_log_means_another_log(running: Any, log: SQLiteLog, stage: ModuleType) -> None:
    stage.Play(log).begin()
    with listening(running.url, "999", session="ses_play") as listener:
        assert list(listener.events()) == [("reset", {"position": running.store.position})]


def test_a_long_past_comes_in_pieces_without_a_gap(
    running: Any, log: SQLiteLog, store: Store, stage: ModuleType
) -> None:
    play = stage.Play(None)
    play.begin()
    for number in range(600):
        play.call("agent", "Read", number, 0.1)
    log.observe([stage.witnessed(event) for event in play.events])
    with listening(running.url, session="ses_play", after=0) as listener:
        assert listener.until(1201) == list(range(1, 1202))


def test_streams_that_were_left_make_room_for_others(
    running: Any, log: SQLiteLog, stage: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_STREAMS", 2)
    stage.Play(log).begin()
    for _ in range(6):
        with listening(running.url, session="ses_play") as listener:
            assert listener.until(1) == [1]
    with listening(running.url), listening(running.url):
        refused = httpx.get(f"{running.url}api/stream", trust_env=False, timeout=PATIENCE_SECONDS)
    assert refused.status_code == 503
    assert refused.json()["error"] == "2 pages are open already; close one"


def test_stopping_ends_the_open_streams_at_once(running: Any, log: SQLiteLog, stage: ModuleType) -> None:
    stage.Play(log).begin()
    with listening(running.url, session="ses_play") as listener:
        assert listener.until(1) == [1]
        began = monotonic()
        stopper = threading.Thread(target=running.stop)
        stopper.start()
        assert list(listener.events()) == []
        stopper.join()
        assert monotonic() - began < 5
    running.start()


def test_trouble_with_the_log_is_told_and_so_is_its_end(
    running: Any, log: SQLiteLog, stage: ModuleType, home: Any
) -> None:
    stage.Play(log).begin()
    with listening(running.url, session="ses_play") as listener:
        assert listener.until(1) == [1]
        (home / "log.db").rename(home / "log.away")
        events = listener.events()
        name, data = next(events)
        assert name == "trouble"
        assert data["trouble"]
        (home / "log.away").rename(home / "log.db")
        assert next(events) == ("trouble", {"trouble": None})
