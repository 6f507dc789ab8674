"""Agents outside our process and people speak on the bus by `send` and `inbox`, each as who it is."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrion.agents import membership
from orchestrion.agents.post import Letter, Post
from orchestrion.agents.tokens import credentials
from orchestrion.domain import events as e
from orchestrion.domain.record import Record
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import SQLiteLog, open_log

TIP = '{"tip": "cache it"}'


class Talk:
    """A session of two agents in a home of its own, and the log to look at."""

    def __init__(self, home: Path, log: SQLiteLog) -> None:
        self.home, self.log = home, log
        self.session = membership.begin_session(log, "talk")
        self.asker, self.helper = (membership.register(log, self.session, name, []) for name in ("asker", "helper"))

    def become(self, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in credentials(self.home, run).items():
            monkeypatch.setenv(name, value)

    def facts(self, kind: type[e.Event]) -> list[Any]:
        return [r.event for r in self.log.read() if isinstance(r, Record) and isinstance(r.event, kind)]


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    home = tmp_path / "home"
    monkeypatch.setenv("ORCHESTRION_HOME", str(home))
    with open_log(home) as log:
        yield Talk(home, log)


def test_a_run_sends_and_another_takes_once(talk: Talk, speak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.become(talk.asker, monkeypatch)
    sent = speak("send", "helper", "--type", "optimization_tip", "--payload", TIP, "--format", "json")
    assert sent.code == 0, sent.err
    assert (sent.json["sender"], sent.json["recipient_runs"]) == ("asker", [talk.helper])
    talk.become(talk.helper, monkeypatch)
    (got,) = speak("inbox", "--format", "json").json
    assert (got["message"], got["payload"]) == (sent.json["message"], {"tip": "cache it"})
    assert speak("inbox", "--format", "json").json == []
    assert len(talk.facts(e.MessageDelivered)) == 1
    assert talk.facts(e.MessageAcknowledged) == []


def test_what_is_shown_with_ack_is_acknowledged(talk: Talk, speak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.become(talk.helper, monkeypatch)
    sent = Post(talk.log, talk.session).send(talk.asker, "helper", Letter("optimization_tip", {"tip": "x"}))
    assert speak("inbox", "--ack").code == 0
    (fact,) = talk.facts(e.MessageAcknowledged)
    assert (fact.message, fact.run) == (sent.message, talk.helper)


@pytest.mark.parametrize("token", ["", "0" * 64, "ü"])
def test_nobody_speaks_with_a_wrong_token(token: str, talk: Talk, speak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.become(talk.asker, monkeypatch)
    monkeypatch.setenv("ORCHESTRION_TOKEN", token)
    said = speak("send", "helper", "--type", "optimization_tip", "--payload", TIP)
    assert (said.code, said.out) == (5, "")
    assert "ORCHESTRION_TOKEN" in said.err
    assert speak("inbox").code == 5
    assert talk.facts(e.MessageSent) == []


def test_a_run_cannot_use_the_token_of_another(talk: Talk, speak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.become(talk.asker, monkeypatch)
    monkeypatch.setenv("ORCHESTRION_RUN", talk.helper)
    assert "is not that of run" in speak("inbox").err


def test_no_token_and_no_key_enters_the_log(talk: Talk, speak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.become(talk.asker, monkeypatch)
    speak("send", "helper", "--type", "optimization_tip", "--payload", TIP)
    token = credentials(talk.home, talk.asker)["ORCHESTRION_TOKEN"]
    rows = talk.log.rows(after=0, limit=1000)
    assert rows
    assert not any(token.encode() in row[5] for row in rows)
    assert (talk.home / "identity.key").stat().st_mode & 0o777 == 0o600


def test_a_person_speaks_as_human_and_is_answered(talk: Talk, speak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = speak("send", "asker", "--type", "prompt", "--payload", '{"text": "how far?"}', "--format", "json").json
    assert sent["sender"] == "human"
    talk.become(talk.asker, monkeypatch)
    reply = ("send", "human", "--type", "response", "--payload", '{"text": "half"}', "--reply-to", sent["message"])
    assert speak(*reply).code == 0
    monkeypatch.delenv("ORCHESTRION_RUN")
    (got,) = speak("inbox", "--session", talk.session[:12], "--format", "json").json
    assert (got["in_reply_to"], got["thread"], got["sender"]) == (sent["message"], sent["thread"], "asker")


def test_the_last_session_is_the_one_that_everything_else_calls_so(talk: Talk, speak: Any) -> None:
    old = e.SessionStarted(
        source="transcript", session="ses_zzz", product="codex", happened_at=datetime(2025, 12, 1, tzinfo=UTC)
    )
    talk.log.observe([witnessed(old)])
    last = speak("report", "last", "--format", "json").json["session"]
    tip = ("human", "--type", "optimization_tip", "--payload", TIP, "--format", "json")
    for how in ((), ("--session", "last")):
        assert speak("send", *tip, *how).json["session"] == last == talk.session
    assert len(speak("inbox", "--session", "last", "--format", "json").json) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("nobody", "--type", "optimization_tip", "--payload", TIP), 3, "nobody called 'nobody'"),
        (("helper", "--type", "optimization_tip", "--payload", "{"), 2, "--payload is no JSON"),
        (("helper", "--type", "optimization_tip", "--payload", "[" * 100_000), 2, "--payload is no JSON"),
        (("helper", "--type", "optimization_tip", "--payload", "[]"), 2, "valid dictionary"),
        (("helper", "--type", "optimization_tip", "--payload", "{}"), 2, "tip: Field required"),
        (("helper", "--type", "shout", "--payload", "{}"), 2, "no message type 'shout'"),
        (("helper", "--type", "optimization_tip", "--payload", TIP, "--priority", "9"), 2, "no priority '9'"),
        (("helper", "--type", "optimization_tip", "--payload", TIP, "--reply-to", "msg_0"), 3, "no message msg_0"),
        (("helper", "--type", "optimization_tip", "--payload", TIP, "--session", "ses_zz"), 3, "no session begins"),
        (("helper", "--type", "handoff", "--payload", '{"task": "x"}'), 5, "nothing to hand over"),
        (("helper", "--type", "handoff", "--payload", '{"text": "x"}'), 2, "a handoff needs a task"),
        (("capability:sql", "--type", "warning", "--payload", '{"warning": "x"}'), 2, "--type assistance_request"),
        (("capability:sql", "--type", "assistance_request", "--payload", "{}", "--expires", "0"), 3, "nobody has the"),
    ],
)
def test_what_cannot_be_sent_is_one_sentence(
    arguments: tuple[str, ...], code: int, sentence: str, talk: Talk, speak: Any
) -> None:
    said = speak("send", *arguments)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_a_message_to_nobody_shows_as_expired_with_the_reason(talk: Talk, speak: Any) -> None:
    speak("send", "nobody", "--type", "optimization_tip", "--payload", TIP)
    (row,) = speak("sql", "SELECT recipient, state, reason FROM deliveries", "--format", "json").json
    assert (row["recipient"], row["state"]) == ("nobody", "expired")
    assert "nobody called 'nobody'" in row["reason"]


def test_ten_megabytes_arrive_whole(talk: Talk, program: Any) -> None:
    text = json.dumps({"context": "x" * 10_000_000})
    sent = program("send", "helper", "--type", "context_share", "--payload", "-", "--format", "json", input=text)
    assert sent.code == 0, sent.err
    (got,) = Post(talk.log, talk.session).take(talk.helper)
    assert len(got.payload["context"]) == 10_000_000


def test_an_agent_in_another_process_waits_for_what_is_said_to_it(talk: Talk, program: Any) -> None:
    command = [Path(sys.executable).parent / "orchestrion", "inbox", "--wait", "60", "--ack", "--format", "json"]
    environ = {**os.environ, **credentials(talk.home, talk.helper)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as waiting:
        sent = Post(talk.log, talk.session).send(talk.asker, "helper", Letter("optimization_tip", {"tip": "x"}))
        assert waiting.stdout is not None
        (got,) = json.loads(waiting.stdout.read())
    assert (got["message"], waiting.returncode) == (sent.message, 0)
    assert [f.message for f in talk.facts(e.MessageAcknowledged)] == [sent.message]


def test_agents_that_are_programs_talk_through_the_shell_while_a_conductor_runs_them(
    tmp_path: Path, speak: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRION_HOME", str(tmp_path / "home"))
    program = Path(sys.executable).parent / "orchestrion"
    send = f'{program} send {{}} --type context_share --payload \'{{{{"context": "{{}}"}}}}\''
    scripts = {
        "alpha": f"until {send.format('beta', 'hello')} 2>err; do grep -q nobody err || exit 1; done; "
        f"{program} inbox --wait 60 --ack --format json",
        "beta": f"{program} inbox --wait 60 --ack --format json && {send.format('alpha', 'welcome')}",
    }
    team = tmp_path / "team"
    team.mkdir()
    for name, script in scripts.items():
        front = {"name": name, "keywords": [name], "runner": "process", "command": ["sh", "-c", script]}
        lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in front.items())
        (team / f"{name}.md").write_text(f"---\n{lines}\n---\nTalk.\n")
    (tmp_path / "project").mkdir()
    said = speak("run", "alpha beta", "--workspace", tmp_path / "project", "--team", team, "--format", "json")
    assert said.code == 0, said.err
    shared = (
        "SELECT m.sender, m.recipient, d.state FROM messages m JOIN deliveries d USING (message) ORDER BY m.position"
    )
    rows = speak("sql", shared, "--format", "json").json
    assert [tuple(row.values()) for row in rows if row["sender"] != "conductor"][-2:] == [
        ("alpha", "beta", "acknowledged"),
        ("beta", "alpha", "acknowledged"),
    ]
    assert {row["state"] for row in rows} <= {"acknowledged", "delivered", "expired"}


def test_help_is_asked_for_by_capability_and_comes_from_who_is_idle(talk: Talk, speak: Any) -> None:
    membership.register(talk.log, talk.session, "dba", ["sql"])
    request = ("send", "capability:sql", "--type", "assistance_request", "--payload", '{"context": {"query": "JOIN"}}')
    sent = speak(*request, "--format", "json").json
    assert (sent["sender"], sent["recipient"], sent["type"]) == ("human", "dba", "assistance_request")
    (got,) = Post(talk.log, talk.session).take(f"{talk.session}/dba-1")
    assert got.payload == {"capability": "sql", "context": {"query": "JOIN"}}
    busy = speak(*request, "--expires", "0")
    assert busy.code == 3
    assert "was busy" in busy.err


def test_a_program_that_a_conductor_runs_gets_help_from_a_run_that_is_started_for_it(
    tmp_path: Path, speak: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRION_HOME", str(tmp_path / "home"))
    program, team = Path(sys.executable).parent / "orchestrion", tmp_path / "team"
    ask = f"{program} send capability:sql --type assistance_request --priority immediate --payload '{{\"context\": 1}}'"
    script = f"{ask} && {program} inbox --wait 60 --format json"
    team.mkdir()
    agents = {
        "alpha": {"runner": "process", "command": ["sh", "-c", script], "keywords": ["alpha"]},
        "dba": {
            "runner": "steps", "capabilities": ["sql"], "steps": [{"name": "look", "run": ["echo", "add an index"]}],
        },
    }  # fmt: skip
    for name, front in agents.items():
        lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in {"name": name, **front}.items())
        (team / f"{name}.md").write_text(f"---\n{lines}\n---\nWork.\n")
    (tmp_path / "project").mkdir()
    said = speak("run", "alpha", "--workspace", tmp_path / "project", "--team", team, "--format", "json")
    assert said.code == 0, said.err
    rows = speak("sql", "SELECT sender, recipient, type FROM messages ORDER BY position", "--format", "json").json
    assert [tuple(row.values()) for row in rows] == [
        ("alpha", "conductor", "assistance_request"),
        ("dba", "alpha", "response"),
    ]
    agents_run = speak("agents", "--format", "json").json
    assert {(row["agent"], row["status"]) for row in agents_run} == {("alpha", "completed"), ("dba", "completed")}


def test_a_program_hands_over_to_who_comes_later_and_what_it_adds_arrives(
    tmp_path: Path, speak: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRION_HOME", str(tmp_path / "home"))
    program, team = Path(sys.executable).parent / "orchestrion", tmp_path / "team"
    given = json.dumps(
        {"task": "Cache it", "recommendations": {"nextActions": ["Add an index"]}, "urgency": "critical"}
    )
    bad = json.dumps({"task": "Read it", "dependencies": {"requiredInputs": ["gone.py", "../outside.py"]}})
    offer = f"{program} send beta --type handoff --payload"
    team.mkdir()
    agents = {
        "alpha": {"command": ["sh", "-c", f"{offer} '{given}' && {offer} '{bad}'"], "capabilities": ["alpha-work"]},
        "beta": {"command": ["cat"], "prompt": "stdin", "after": ["alpha-work"]},
    }
    for name, front in agents.items():
        keys = {"name": name, "keywords": [name], "runner": "process", **front}
        lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
        (team / f"{name}.md").write_text(f"---\n{lines}\n---\nWork.\n")
    (tmp_path / "project").mkdir()
    run = ("run", "alpha beta", "--workspace", tmp_path / "project", "--team", team)
    monkeypatch.setenv("ORCHESTRION_REWORKS", "0")
    said = speak(*run, "--format", "json")
    rows = speak("handoffs", "--format", "json").json
    assert {(row["giver"], row["taker"]) for row in rows} == {("alpha", "beta")}, said.err
    assert sorted(row["status"] for row in rows) == ["completed", "completed", "rejected"]
    assert "3 handoffs in" in said.err, "what other processes say is told as well"
    (rejected,) = [row for row in rows if row["status"] == "rejected"]
    assert rejected["problems"] == ["gone.py: is not in the workspace", "../outside.py: lies outside the workspace"]
    (critical,) = [row for row in rows if row["urgency"] == "critical"]
    shown = speak("handoffs", "show", critical["handoff"], "--format", "json").json
    assert shown["package"]["recommendations"]["nextActions"] == ["Add an index"]
    assert said.code == 10, "what does not hold up is not worked on"
    told = speak("messages", "--format", "json").json
    assert [m["message"] for m in said.json["messages"]] == [m["message"] for m in told]
    assert {m["type"] for m in told} == {"handoff", "warning"}
    assert {row["handoff"] for row in said.json["handoffs"]} == {row["handoff"] for row in rows}
