"""Agents of the Agent Client Protocol: what they do is in the log, what they may do is decided here, none gets out."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from orchestrion.agents import Limits
from orchestrion.agents.approving import Person, give
from orchestrion.domain import events as e
from orchestrion.domain.errors import CannotRun, OrchestrionError
from orchestrion.eventstore import MemoryLog

Agent = Callable[..., Path]
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture
def acts(agent: Agent) -> Callable[..., Path]:
    """An agent of the protocol whose turn is this body of `async def turn(me, prompt)`.

    Its `speaker` is `acp_raw`, which starts at once, or `acp_agent`, which is the protocol's own package.
    """

    def write(body: str, name: str = "coder", *, speaker: str = "acp_raw", **keys: Any) -> Path:
        code = (
            f"import asyncio, json, os, pathlib, sys, time\nsys.path.insert(0, {str(SUPPORT)!r})\n"
            f"from acp_script import at, diff, terminal, words\nfrom {speaker} import *\n"
            f"async def turn(me, prompt):\n{indent(dedent(body), '    ')}\n    return None\n\nspeak(turn)\n"
        )
        return agent(name, command=[sys.executable, "-c", code], **{"runner": "acp", **keys})

    return write


@pytest.fixture
def word(log: MemoryLog) -> Callable[[str], threading.Thread]:
    """A person who answers each request for approval as it comes."""

    def answers(verdict: str) -> threading.Thread:
        def wait() -> None:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                try:
                    give(log, Person("ada", {}), "last", verdict)  # type: ignore[arg-type]
                except OrchestrionError:
                    time.sleep(0.05)
                else:
                    return

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread

    return answers


def ends(played: Any) -> dict[str, tuple[Any, ...]]:
    return {fact.call.rpartition("/")[2]: (fact.status, fact.result, fact.error) for fact in played.of(e.ToolReturned)}


@pytest.mark.parametrize("speaker", ["acp_raw", "acp_agent"])
def test_calls_words_and_usage_of_an_agent_are_facts_of_its_run(speaker: str, acts: Any, play: Any) -> None:
    acts(
        """
        await me.say("I ")
        await me.say("look.")
        await me.tool("one", "Read app.py", "read", locations=[at(os.getcwd() + "/app.py")],
                      rawInput={"path": "app.py"}, status="in_progress")
        await me.update("one", status="completed", content=[words("an app")])
        await me.tool("two", "Edit app.py", "edit", status="pending")
        await me.update("two", status="completed", content=[diff("app.py", "old\\n", "new\\n")])
        await me.tool("three", "Fetch", "fetch")
        await me.update("three", status="failed", rawOutput="no network")
        await me.tell({"sessionUpdate": "usage_update", "used": 100, "size": 200,
                       "cost": {"amount": 0.25, "currency": "USD"}})
        await me.say("hm", "agent_thought_chunk")
        await me.say("All is well.")
        me.usage = {"totalTokens": 50, "inputTokens": 30, "outputTokens": 20, "cachedReadTokens": 7}
        """,
        speaker=speaker,
    )
    played = play("coder")
    assert played.result.status == "completed", played.result.reason
    outer, *calls = played.of(e.ToolCalled)
    assert [(c.call.rpartition("/")[2], c.tool) for c in calls] == [
        ("one", "read"),
        ("two", "edit"),
        ("three", "fetch"),
    ]
    assert calls[0].params == {
        "title": "Read app.py", "kind": "read", "input": {"path": "app.py"}, "paths": ["app.py"],
    }  # fmt: skip
    assert {c.cause for c in calls} == {f"tool-{outer.call}@1"}
    assert ends(played)["one"] == ("ok", {"text": "an app"}, None)
    (diff,) = ends(played)["two"][1]["diffs"]
    assert (diff["path"], "-old" in diff["diff"], "+new" in diff["diff"]) == ("app.py", True, True)
    assert ends(played)["three"] == ("error", {"output": "no network"}, "no network")
    assert [m.payload["text"] for m in played.of(e.MessageSent, type="response")] == ["I look.", "All is well."]
    (used,) = played.of(e.UsageRecorded)
    assert (used.input_tokens, used.output_tokens, used.cache_read_tokens) == (30, 20, 7)
    (completed,) = played.of(e.AgentCompleted)
    assert completed.summary == "All is well."
    told = completed.outputs["acp"]
    assert told["cost"] == {"amount": 0.25, "currency": "USD"}
    assert told["agent"] == {"name": "scripted", "version": "1"}
    assert told["passed_over"] == {"agent_thought_chunk": 1}
    assert len(played.of(e.ProcessStarted)) == 1


@pytest.mark.parametrize(("verdict", "chosen", "status"), [("approved", "yes", "ok"), ("denied", "no", "denied")])
def test_permission_is_asked_of_a_person_who_may_take_their_time(  # noqa: PLR0917
    verdict: str, chosen: str, status: str, acts: Any, play: Any, word: Any
) -> None:
    acts(
        """
        answer = await me.ask("one", "rm -rf build", "execute", rawInput={"command": "rm -rf build"})
        await me.update("one", status="completed" if answer == "yes" else "failed")
        await me.say(answer)
        """
    )
    word(verdict)
    played = play("coder")
    (asked,) = played.of(e.ApprovalRequested)
    assert (asked.tool, asked.params["input"], asked.reason) == ("execute", {"command": "rm -rf build"}, "rm -rf build")
    (given,) = played.of(e.ApprovalGiven)
    assert (given.verdict, given.by) == (verdict, "ada")
    assert played.of(e.AgentCompleted)[0].summary == chosen
    assert ends(played)["one"][0] == status


def test_nobody_answers_and_the_agent_goes_on_without(acts: Any, play: Any) -> None:
    acts('await me.say(await me.ask("one", "deploy", "execute"))')
    played = play("coder", limits=Limits(approval_seconds=0.2))
    assert played.of(e.ApprovalGiven)[0].verdict == "expired"
    assert played.of(e.AgentCompleted)[0].summary == "no"


@pytest.mark.parametrize(
    ("keys", "kind", "more", "answer"),
    [
        ({}, "read", "", "yes"),
        ({"writes": True}, "edit", "", "yes"),
        ({"tools": "Read, Bash(pytest:*)"}, "execute", 'rawInput={"command": "pytest -q"}', "yes"),
        ({"tools": "Read"}, "execute", "", "no"),
        ({"approval": "none"}, "execute", "", "yes"),
        ({"approval": "edit"}, "execute", "", "yes"),
    ],
)
def test_what_an_agents_file_decides_needs_nobody(  # noqa: PLR0917
    keys: Any, kind: str, more: str, answer: str, acts: Any, play: Any
) -> None:
    acts(f'await me.say(await me.ask("one", "do it", {kind!r}, {more}))', **keys)
    played = play("coder")
    assert played.of(e.ApprovalRequested) == []
    assert played.of(e.AgentCompleted)[0].summary == answer
    (noticed,) = played.of(e.IncidentObserved)
    assert noticed.type == "permission"
    assert noticed.detail["verdict"] == ("allow" if answer == "yes" else "deny")


@pytest.mark.parametrize("more", ['"edit", locations=[at("/etc/passwd")]', '"execute"', '"other"', '"delete"'])
def test_what_lies_outside_or_is_not_foreseen_is_asked(more: str, acts: Any, play: Any) -> None:
    acts(f'await me.ask("one", "do it", {more})', tools="*")
    assert len(play("coder", limits=Limits(approval_seconds=0.1)).of(e.ApprovalRequested)) == 1


def test_an_answer_is_never_one_that_saves_it_from_asking_again(acts: Any, play: Any) -> None:
    acts(
        """
        both = [("always", "allow_always"), ("once", "allow_once")]
        none = [("always", "allow_always")]
        answers = [await me.ask("1", "a", "read", both), await me.ask("2", "b", "read", none)]
        await me.say(" ".join(answers))
        """
    )
    assert play("coder").of(e.AgentCompleted)[0].summary == "once always"


def test_files_are_read_and_written_within_the_workspace_alone(
    acts: Any, play: Any, workspace: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    acts(
        f"""
        here = os.getcwd()
        os.mkfifo("pipe")
        os.symlink({str(secret)!r}, "secret")
        os.symlink({str(tmp_path)!r}, "out")
        os.symlink("app.py", "inner")
        tried = [await me.read(each) for each in (here + "/app.py", here + "/inner", {str(secret)!r}, "../secret.txt",
            here + "/../secret.txt", "out/secret.txt", "secret", "pipe", ".", "none.py", "a\\0b")]
        tried += [await me.read(here + "/app.py", line=1, limit=1)]
        tried += [await me.write(each, "x") for each in (here + "/new/file.py", {str(tmp_path / "evil")!r}, "../evil",
            "out/evil", "secret", ".git/config", "pipe", here)]
        await me.say(json.dumps(tried))
        """,
        writes=True,
    )
    played = play("coder")
    assert played.result.status == "completed", played.result.reason
    tried = json.loads(played.of(e.AgentCompleted)[0].outputs["text"])
    assert tried[0] == '"""An app."""\n'
    assert [each.startswith("refused: ") for each in tried[1:11]] == [True] * 10, "no link is followed, not even within"
    assert tried[11] == '"""An app."""\n'
    assert tried[12] == "ok"
    assert "ok" not in tried[13:]
    assert secret.read_text() == "secret"
    assert not (tmp_path / "evil").exists()
    assert "+x" in played.result.diff
    answers = [fact for fact in played.of(e.ToolReturned) if "/client-" in fact.call]
    assert [fact.status for fact in answers].count("ok") == 3
    assert "lies outside the workspace" in str(answers[2].error)


def test_an_agent_that_writes_nothing_must_ask_before_the_client_writes_for_it(acts: Any, play: Any) -> None:
    acts('await me.say(await me.write(os.getcwd() + "/x", "x"))')
    played = play("coder", limits=Limits(approval_seconds=0.1))
    assert played.of(e.ApprovalRequested)[0].tool == "fs/write_text_file"
    assert "not permitted: it was expired" in played.of(e.AgentCompleted)[0].summary
    assert ends(played)["client-1"][0] == "denied"


def test_terminals_run_in_the_workspace_without_a_shell_and_are_facts(acts: Any, play: Any) -> None:
    acts(
        """
        py = sys.executable
        said = [await me.run(py, "-c", "import os; print(os.getcwd()); print('oops', file=__import__('sys').stderr)"),
                await me.run(py, "-c", "raise SystemExit(3)"), await me.run("echo hi && echo ho"),
                await me.run("no-such-program", "x"), await me.run(py, "-c", "1", cwd="/etc"),
                await me.run(py, "-c", "print('x' * 5000)", outputByteLimit=10),
                await me.run(py, "-c", "import os; print(os.environ.get('SOME_API_KEY'), os.environ['MINE'])",
                             env=[{"name": "MINE", "value": "1"}])]
        await me.tool("one", "Run", "execute")
        await me.update("one", status="completed", content=[terminal("terminal-1")])
        await me.say(json.dumps([os.getcwd(), *said]))
        """,
        approval="none",
    )
    os.environ["SOME_API_KEY"] = "sk-not-for-tools"
    try:
        played = play("coder")
    finally:
        del os.environ["SOME_API_KEY"]
    assert played.result.status == "completed", played.result.reason
    cwd, *said = json.loads(played.of(e.AgentCompleted)[0].outputs["text"])
    assert said[0] in {f"0: {cwd}\noops\n", f"0: oops\n{cwd}\n"}
    assert said[1] == "3: "
    assert "is no program" in said[2]
    assert "is no folder of the workspace" in said[4]
    assert said[5] == "0: xxxxxxxxx\n"
    assert said[6] == "0: None 1\n"
    shown = ends(played)
    assert shown["client-1"][:2] == (
        "ok",
        {"terminal": "terminal-1", "output": said[0][3:], "cut": False, "exit_code": 0, "signal": None},
    )
    assert shown["client-2"][2] == "it ended with exit code 3"
    assert shown["one"][1]["terminals"][0]["output"] == said[0][3:]
    started = played.of(e.ProcessStarted)
    assert len(started) == 1 + 4, "the agent's own, and each that could be started"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ('return "refusal"', "failed", "its model refused the task"),
        ('return "max_tokens"', "failed", "the most tokens"),
        ("os._exit(3)", "failed", "the agent went away: it ended with exit code 3"),
        ('print("out of memory", file=sys.stderr, flush=True); os.kill(os.getpid(), 9)', "failed",
         "the agent went away: it ended by signal 9: out of memory"),
        ('[raw("hello") for _ in range(60)]; await asyncio.sleep(600)', "failed",
         "it broke the protocol: it does not speak the protocol"),
        ('raw("x" * 20_000_000); await asyncio.sleep(600)', "failed", "a message of more than 16000000 bytes"),
        ('raise RuntimeError(-32000, "Authentication required", None)', "failed", "wants you to sign in"),
        ('raise RuntimeError(-32603, "Internal error", {"details": "overloaded"})', "failed",
         "answered with an error: Internal error: overloaded"),
        ('for n in range(60): await me.ask("same", "again", "read")', "loop",
         "it is in a loop: it asked 5 times for permission"),
        ('for n in range(60): await me.tool(str(n), "t", rawInput={"n": n})', "budget", "all of its 20 tool calls"),
        ('for n in range(60): await me.tool(str(n), "t")', "loop", "it is in a loop"),
        ("await asyncio.sleep(60)", "timed_out", "did not end within 3 s"),
    ],
)  # fmt: skip
def test_an_agent_that_fails_breaks_the_protocol_or_never_stops_ends_as_a_fact_and_the_others_go_on(  # noqa: PLR0917
    body: str, status: str, reason: str, acts: Any, agent: Agent, play: Any
) -> None:
    acts(f'await me.tool("open", "Think", "think", rawInput=0)\n{body}', timeout=3 if status == "timed_out" else 60)
    agent("other")
    played = play("coder and other", limits=Limits(agent_tool_calls=20))
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("coder", status), failed.reason
    assert reason in failed.reason
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["other"]
    called, answered = played.of(e.ToolCalled), played.of(e.ToolReturned)
    assert {c.call for c in called} == {r.call for r in answered}, "no call is left open"
    run = failed.run
    assert not [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and _carries(pid, run)], "nothing stays"


def _carries(process: Path, run: str) -> bool:
    try:
        return f"ORCHESTRION_RUN={run}".encode() in (process / "environ").read_bytes()
    except OSError:
        return False


def test_odd_messages_are_counted_and_the_rest_is_heard(acts: Any, play: Any, capfd: Any) -> None:
    acts(
        """
        for line in ("a banner", "[1]", '{"id": {"a": 1}, "result": 1}', '{"id": 7, "error": "text"}',
                     '{"method": 5}', '{"jsonrpc": "2.0", "method": "unknown/thing", "params": {}}',
                     '{"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": 1}}',
                     '{"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s", "update":'
                     ' {"sessionUpdate": "from_the_future"}}}', '{"jsonrpc": "2.0", "id": 99, "result": {}}',
                     '{"jsonrpc": "2.0", "id": 5, "method": "no/such_method", "params": {}}'):
            raw(line)
        await me.update("never-begun", status="completed")
        await me.update("never-begun", status="failed")
        await me.say("still here")
        """
    )
    played = play("coder")
    (completed,) = played.of(e.AgentCompleted)
    assert completed.summary == "still here"
    odd = completed.outputs["acp"]["not_understood"]
    assert odd["no message of the protocol"] == 5
    assert odd["unknown/thing"] == 1
    assert sum(odd.values()) == 8
    assert ends(played)["never-begun"][0] == "ok", "the first answer counts"
    assert "Traceback" not in capfd.readouterr().err


def test_a_cancelled_agent_is_asked_to_stop_and_its_terminals_end(
    acts: Any, play: Any, tmp_path: Path, log: MemoryLog, home: Path
) -> None:
    seen = tmp_path / "stopped"
    acts(
        f"""
        asked = {{"command": sys.executable, "args": ["-c", "import time; time.sleep(60)"]}}
        await me.request("terminal/create", asked)
        await me.tool("one", "Wait", "think")
        await me.cancelled()
        pathlib.Path({str(seen)!r}).touch()
        """,
        approval="none",
        timeout=2,
    )
    played = play("coder")
    assert played.of(e.AgentFailed)[0].status == "timed_out"
    assert seen.exists(), "it heard of it"
    assert ends(played)["client-1"][0] == "interrupted"


def test_a_missing_program_says_how_to_get_it(agent: Agent, play: Any) -> None:
    agent("coder", command=["no-such-agent"], runner="acp", install="npm install -g no-such-agent")
    agent("other")
    played = play("coder and other")
    (failed,) = played.of(e.AgentFailed)
    assert len(played.of(e.AgentCompleted)) == 1
    with pytest.raises(CannotRun, match="run: npm install -g no-such-agent"):
        play("coder")
    assert "no-such-agent cannot be run" in failed.reason
    assert failed.remedy == "run: npm install -g no-such-agent"


def test_an_agent_is_told_of_the_mcp_servers_of_its_file(acts: Any, play: Any, workspace: Path) -> None:
    servers = {
        "files": {"command": sys.executable, "args": ["-c", "1"], "env": {"A": "b"}},
        "web": {"type": "http", "url": "http://127.0.0.1:1/mcp"},
        "memory": {"command": "mcp-server-memory"},
        "other": {"command": "not-asked-for"},
    }
    (workspace / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    acts('await me.say(json.dumps(me.started["mcpServers"]))', mcp_servers=["files", "web", "memory"])
    played = play("coder")
    (told,) = json.loads(played.of(e.AgentCompleted)[0].outputs["text"])
    assert told == {
        "name": "files",
        "command": sys.executable,
        "args": ["-c", "1"],
        "env": [{"name": "A", "value": "b"}],
    }
    (noticed,) = played.of(e.IncidentObserved)
    assert set(noticed.detail) == {"web", "memory"}


def test_findings_and_verdicts_of_such_an_agent_count_as_anybodys(acts: Any, play: Any, workspace: Path) -> None:
    (workspace / "app.py").write_text("bad")
    acts(
        """
        bad = "bad" in await me.read(os.getcwd() + "/app.py")
        verdict = json.dumps({"approved": not bad, "reasons": ["still bad"] * bad})
        await me.say("I looked.\\n```json\\n" + verdict + "\\n```")
        """,
        "alpha",
        capabilities=["looking"],
    )
    acts(
        """
        await me.write(os.getcwd() + "/app.py", "good" if "still bad" in prompt else "bad bad")
        """,
        "beta",
        writes=True,
        validation="looking",
    )
    played = play("beta")
    assert played.result.status == "completed", played.result.reason
    verdicts = [m.payload for m in played.of(e.MessageSent, type="validation_result")]
    assert [(v["approved"], v["reasons"]) for v in verdicts] == [(False, ["still bad"]), (True, [])]
    assert "+good" in played.result.diff


def test_a_flood_of_messages_ends_the_run_and_a_flood_of_words_is_cut(
    acts: Any, play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrion.agents.acp import child as acp_child
    from orchestrion.agents.acp import spoken

    monkeypatch.setattr(spoken, "MAX_TEXT", 100)
    acts('for n in range(50): await me.say("word ")')
    assert play("coder").of(e.MessageSent, type="response")[0].payload["text"].endswith("[… 150 letters left out …]")
    monkeypatch.setattr(acp_child, "MAX_MESSAGES", 100)
    acts('while True: await me.say("x")')
    assert "it sent more than 100 messages" in play("coder").of(e.AgentFailed)[0].reason


def test_without_the_extra_the_install_command_is_named(program_in: Any, acts: Any, tmp_path: Path) -> None:
    team = acts("pass")
    done = program_in("run", "--agent", "coder", "x", "--team", team, "--home", tmp_path / "home")
    assert done.returncode == 4
    assert "pip install 'orchestrion[acp]'" in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.fixture
def program_in(tmp_path: Path) -> Callable[..., Any]:
    """The command line in a process that has no package `acp`."""
    import subprocess

    def call(*arguments: object) -> Any:
        code = "import sys; sys.modules['acp'] = None\nfrom orchestrion.cli.main import main\nsys.exit(main())"
        args = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(args, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return call


@pytest.mark.parametrize("command", [["claude-agent-acp"], ["opencode", "acp"]])
def test_a_real_agent_shakes_hands(command: list[str], tmp_path: Path) -> None:
    import asyncio
    import shutil

    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: its handshake is not tried")
    from acp import connect_to_agent

    from orchestrion.agents.acp.child import connected

    async def hello() -> Any:
        async with connected(command, tmp_path, dict(os.environ), lambda pid: None) as line:
            connection = connect_to_agent(None, line)  # type: ignore[arg-type]
            try:
                return await asyncio.wait_for(connection.initialize(1), 60)
            finally:
                await connection.close()

    assert asyncio.run(hello()).protocol_version == 1
