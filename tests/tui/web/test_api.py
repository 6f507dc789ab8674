"""The API answers from the views, now or at a position, and its texts are inert."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import SQLiteLog, open_log
from orchestrion.projections import Store
from orchestrion.tui.questions import question
from orchestrion.tui.report import build, markdown
from orchestrion.tui.web import facts
from orchestrion.tui.web.api import LEFT, answering
from orchestrion.tui.web.guard import Door
from orchestrion.tui.web.hub import ASKING_THREADS, Hub
from orchestrion.tui.web.serving import Server, bound

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, stage: ModuleType) -> Iterator[tuple[httpx.Client, dict[str, int]]]:
    """A page of two sessions, one ended, one running, and the positions after some steps of the first."""
    home = tmp_path_factory.mktemp("home")
    log = open_log(home)
    steps = [log.head() for _ in stage.story(stage.Play(log))]
    stage.Play(log, "ses_live").begin("Watch <b>me</b>")
    with serving(log, home) as client:
        yield client, {"end": steps[-1], "finding": steps[2], "head": log.head()}
    log.close()


@contextmanager
def serving(log: SQLiteLog, home: Path) -> Iterator[httpx.Client]:
    with Store(log, home / "projections") as store:
        store.catch_up()
        up: Queue[str] = Queue()
        with bound("127.0.0.1", 0) as listener:
            server = Server(store, log.blob, Door("token", "127.0.0.1", listener.getsockname()[1]), up.put)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            with httpx.Client(base_url=up.get(timeout=30), trust_env=False, timeout=PATIENCE_SECONDS) as client:
                yield client
            server.stop()
            thread.join()


@pytest.fixture
def client(shown: tuple[httpx.Client, dict[str, int]]) -> httpx.Client:
    return shown[0]


@pytest.fixture
def played(shown: tuple[httpx.Client, dict[str, int]]) -> dict[str, int]:
    return shown[1]


def test_sessions_come_live_ones_first(client: httpx.Client, played: dict[str, int]) -> None:
    answer = client.get("api/sessions").json()
    assert [one["id"] for one in answer["sessions"]] == ["ses_live", "ses_play"]
    assert answer["found"] == 2
    assert answer["position"] == played["head"]
    ended = answer["sessions"][1]
    assert (ended["status"], ended["agents"], ended["tool_calls"], ended["messages"]) == ("completed", 4, 9, 4)
    assert ended["tokens"] == 1545
    assert answer["sessions"][0]["tokens"] is None, "no usage was seen: unknown, not zero"


def test_sessions_can_be_searched(client: httpx.Client, played: dict[str, int]) -> None:
    found = client.get("api/sessions", params={"q": "SECURITY vuln"}).json()
    assert [one["id"] for one in found["sessions"]] == ["ses_play"]
    assert client.get("api/sessions", params={"q": "'; DROP TABLE x; --"}).json()["sessions"] == []


def test_a_session_is_its_report(client: httpx.Client, played: dict[str, int]) -> None:
    answer = client.get("api/session", params={"id": "ses_play"}).json()
    assert answer["last"] == played["end"]
    assert [one["agent"] for one in answer["agents"]][:2] == ["security-auditor", "backend-api-developer"]
    assert answer["metrics"]["tool_calls"]["value"] == 9
    assert answer["metrics"]["tool_calls"]["rests_on"] == 18
    assert len(answer["timeline"]["bars"]) == 9


def test_a_sessions_tokens_are_one_number_on_page_terminal_and_report(
    log: SQLiteLog, home: Path, stage: ModuleType
) -> None:
    play = stage.Play(log)
    play.begin()
    kinds = {"input_tokens": 1, "output_tokens": 20, "cache_read_tokens": 300, "cache_write_tokens": 4_000}
    play.run("worker", 1, 2)
    play.add(e.UsageRecorded, 2, "worker", request_id="r", model="m", **kinds)
    play.end(3)
    with Store(log, home / "asked") as views:
        views.catch_up()
        listed = views.query(question("sessions"), {"now": stage.START.replace(tzinfo=None)}).dicts()
        runs = views.query(question("runs"), {"session": "ses_play"}).dicts()
        over_time = views.query(question("tokens"), {"session": "ses_play"}).dicts()
        assert "- **Tokens**: 4,321\n" in markdown(build(views, "ses_play"))
    assert [row["tokens"] for rows in (listed, runs, over_time) for row in rows] == [4321] * 3
    with serving(log, home) as client:
        assert [one["tokens"] for one in client.get("api/sessions").json()["sessions"]] == [4321]
        assert client.get("api/session", params={"id": "ses_play"}).json()["metrics"]["tokens"]["value"] == 4321


def test_at_a_position_it_is_what_it_was_then(client: httpx.Client, played: dict[str, int]) -> None:
    answer = client.get("api/session", params={"id": "ses_play", "at": played["finding"]}).json()
    assert answer["header"]["status"]["value"] == "running"
    assert [one["agent"] for one in answer["agents"]] == ["security-auditor"]
    assert client.get("api/sessions", params={"at": played["finding"]}).json()["found"] == 1


def test_the_events_behind_a_figure_can_be_read(client: httpx.Client, played: dict[str, int]) -> None:
    (event,) = client.get("api/events", params={"positions": "9,x,999999"}).json()["events"]
    assert (event["position"], event["kind"]) == (9, "message.sent")
    assert json.loads(event["data"])["payload"]["issue"] == "organizationId is not checked"


def test_an_event_with_a_large_field_is_whole(log: SQLiteLog, home: Path) -> None:
    text = "\n".join(f"line {number}" for number in range(2_000))
    log.observe([
        witnessed(e.ToolCalled(source="transcript", session="s", run="s/a", agent="a", call="c", tool="Write",
                               params={"content": text})),
    ])  # fmt: skip
    with serving(log, home) as client:
        (event,) = client.get("api/events", params={"positions": "1"}).json()["events"]
    assert json.loads(event["data"])["params"] == {"content": text}


def test_the_commentary_ends_where_it_is_told_to(client: httpx.Client, played: dict[str, int]) -> None:
    facts = client.get("api/commentary", params={"id": "ses_play", "upto": 5}).json()["facts"]
    assert [fact["position"] for fact in facts] == [1, 2, 3, 4, 5]
    assert facts[3]["text"] == "ok · 400 ms"
    assert client.get("api/bounds", params={"id": "ses_play"}).json()["positions"][-1] == played["end"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("api/session?id=ses_nope", 404, "there is no session 'ses_nope'"),
        ("api/session?id=ses_play&at=-1", 400, "at=-1 is no position of the log"),
        ("api/session?id=ses_play&at=١", 400, "is no position of the log"),
        ("api/session?id=ses_play&at=99999999999999999999", 400, "is no position"),
        ("api/sessions?at=1;drop", 400, "is no position"),
        ("api/stream?after=x", 400, "'x' is no position"),
        ("report?id=ses_play&format=exe", 400, "there is no report format 'exe'"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    client: httpx.Client, played: dict[str, int], path: str, status: int, said: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["../pyproject.toml", "..%2f..%2fapp.py", "guard.py", "__init__.py", "api", "favicon.ico"]
)
def test_there_are_no_files_but_the_pages_own(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["", "app.js", "page.css", "colours.css", "timeline.css", "session.js"])
def test_the_pages_own_files_ask_no_other_host(client: httpx.Client, name: str) -> None:
    answer = client.get(name)
    assert answer.status_code == 200
    text = answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in text
    assert "https:" not in text
    assert "innerHTML" not in text
    assert "//" not in "".join(line.partition("//")[0] for line in text.splitlines())


def test_a_report_can_be_kept_as_a_file_with_its_own_policy(client: httpx.Client, played: dict[str, int]) -> None:
    page = client.get("report", params={"id": "ses_play"})
    assert page.headers["content-type"].startswith("text/html")
    assert "sha256-" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]
    for form, start in (("md", "# 🚀 Live"), ("json", "{")):
        text = client.get("report", params={"id": "ses_play", "format": form})
        assert text.headers["content-type"].startswith("text/plain")
        assert text.text.startswith(start)


def test_no_answer_holds_a_character_that_is_obeyed(
    log: SQLiteLog, home: Path, stage: ModuleType, hostile: ModuleType
) -> None:
    hostile.hostile_play(stage.Play(log))
    with serving(log, home) as client:
        answers = [client.get(path) for path in HOSTILE_PATHS]
    for answer in answers:
        assert answer.status_code == 200
        assert not set(_texts(answer.json())) & set(hostile.OBEYED)


HOSTILE_PATHS = (
    "api/sessions",
    "api/session?id=ses_play",
    "api/events?positions=2,3,4,5,6",
    "api/commentary?id=ses_play",
)


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(map(_texts, value.values()))
    if isinstance(value, list):
        return "".join(map(_texts, value))
    return value if isinstance(value, str) else ""


def test_the_events_behind_a_figure_are_not_larger_together_than_a_page_can_hold(
    log: SQLiteLog, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MOST_BYTES", 25_000)
    content = "a line\n" * 3_000
    log.observe([
        witnessed(e.ToolCalled(source="transcript", session="s", run="s/a", agent="a", call=f"c{number}", tool="Write",
                               params={"content": content}))
        for number in range(3)
    ])  # fmt: skip
    with serving(log, home) as client:
        events = client.get("api/events", params={"of": "tool_calls", "id": "s"}).json()["events"]
        (alone,) = client.get("api/events", params={"positions": "3"}).json()["events"]
    params = [json.loads(event["data"])["params"] for event in events]
    assert params[0] == {"content": content}
    assert ["the beginning of 24," in json.dumps(each) for each in params] == [False, True, True]
    assert json.loads(alone["data"])["params"] == {"content": content}, "asked for alone it is whole"


def test_a_question_of_a_page_that_was_left_is_not_answered() -> None:
    asked: list[str] = []

    async def left_while_it_waits() -> int:
        hub, busy = Hub(NoViews(), bytes), threading.Event()
        hub.start()
        others = [asyncio.ensure_future(hub.ask(lambda _: busy.wait(PATIENCE_SECONDS))) for _ in range(ASKING_THREADS)]

        async def endpoint(_: Request) -> Response:
            await hub.ask(lambda _: asked.append("it"))
            return Response()

        said = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(said)

        answer = await answering(endpoint)(Request({"type": "http"}, receive))
        busy.set()
        await asyncio.gather(*others, hub.ask(lambda _: None))
        hub.stop()
        return answer.status_code

    assert asyncio.run(left_while_it_waits()) == LEFT
    assert asked == []


class NoViews:
    """Views of a log that nothing comes to."""

    position = dead_letters = 0

    def catch_up(self) -> int:
        return 0

    def follow(self, seconds: float) -> bool:
        return False

    def query(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nobody asks")
