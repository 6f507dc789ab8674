"""Many agents in many processes on one bus: none lost, none doubled, order kept, and claims that hold at any death."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from orchestrion.agents import membership
from orchestrion.agents.exchange import Exchange
from orchestrion.agents.post import Letter, Post
from orchestrion.domain import events as e
from orchestrion.domain.record import Record
from orchestrion.eventstore import open_log

WORKER = """
import json, random, sys
from pathlib import Path
from orchestrion.agents import membership
from orchestrion.agents.post import Letter, Post
from orchestrion.eventstore import open_log

home, session, first, count, everybody, share, total = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
chance = random.Random(first)
with open_log(home) as log:
    mine = [membership.register(log, session, f"agent-{n:02}", []) for n in range(first, first + count)]
    post = Post(log, session)
    while len(post.exchange.live) < everybody:
        log.wait(post.exchange.position, 1)
        post.exchange.catch_up()
    runs, told = sorted(post.exchange.live), {run: 0 for run in mine}

    def take():
        for run in mine:
            if post.exchange.pending[run]:
                for message in post.take(run):
                    print(json.dumps([message.message, message.run, run, message.payload["number"]]))

    for number in range(share):
        sender = mine[number % len(mine)]
        recipient = chance.choice([run for run in runs if run != sender])
        told[sender] += 1
        post.send(sender, recipient, Letter("warning", {"warning": "x", "number": told[sender]}))
        if number % 20 == 19:
            take()
    while len(post.exchange.messages) < total or any(post.exchange.pending[run] for run in mine):
        take()
        if len(post.exchange.messages) < total:
            log.wait(post.exchange.position, 1)
        post.exchange.catch_up()
"""


def crowd(home: Path, *, messages: int, agents: int, processes: int) -> None:
    """Let `agents` in `processes` send each other `messages` in all, and check what each got against the log."""
    with open_log(home) as log:
        session = membership.begin_session(log, "crowd")
        shares = [agents // processes + (n < agents % processes) for n in range(processes)]
        total = messages - messages % processes
        workers, said = [], [home / f"worker-{n}.txt" for n in range(processes)]
        for n, count in enumerate(shares):
            numbers = (sum(shares[:n]), count, agents, total // processes, total)
            command = [sys.executable, "-c", WORKER, str(home), session, *map(str, numbers)]
            with said[n].open("w") as out:  # a pipe would fill while another worker is read
                workers.append(subprocess.Popen(command, stdout=out))
        assert [worker.wait(timeout=900) for worker in workers] == [0] * processes
        got = [json.loads(line) for out in said for line in out.read_text().splitlines()]
        facts = [record.event for record in log.read() if isinstance(record, Record)]
        assert log.verify().ok
    sent = {fact.message: fact for fact in facts if isinstance(fact, e.MessageSent)}
    delivered = [fact for fact in facts if isinstance(fact, e.MessageDelivered)]
    assert len(sent) == total
    assert len(got) == len({name for name, *_ in got}) == total, "lost or doubled"
    assert {name: (run,) for name, _, run, _ in got} == {name: fact.recipient_runs for name, fact in sent.items()}
    assert sorted(fact.message for fact in delivered) == sorted(sent)
    order = defaultdict(list)
    for _, sender, recipient, number in got:
        order[sender, recipient].append(number)
    assert all(numbers == sorted(numbers) for numbers in order.values())


def test_no_message_between_many_agents_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    crowd(tmp_path, messages=240, agents=12, processes=3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_messages_among_fifty_agents_in_eight_processes(tmp_path: Path) -> None:
    crowd(tmp_path, messages=10_000, agents=50, processes=8)


TAKER = """
import sys
from pathlib import Path
from orchestrion.agents.post import Post
from orchestrion.eventstore import open_log

with open_log(Path(sys.argv[1])) as log:
    post = Post(log, sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    for message in post.take(sys.argv[3]):
        print(message.message, flush=True)
"""


def test_processes_that_take_for_one_run_at_once_get_each_message_once_between_them(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        session = membership.begin_session(log, "talk")
        asker, helper = (membership.register(log, session, name, []) for name in ("asker", "helper"))
        post = Post(log, session)
        sent = [post.send(asker, helper, Letter("warning", {"warning": "x"})).message for _ in range(30)]
        command = [sys.executable, "-c", TAKER, str(tmp_path), session, helper]
        takers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        for taker in takers:
            assert taker.stdout is not None
            assert taker.stdout.readline() == "ready\n"
        for taker in takers:
            assert taker.stdin is not None
            taker.stdin.write("go\n")
            taker.stdin.flush()
        got = [name for taker in takers for name in taker.communicate(timeout=60)[0].split()]
        assert sorted(got) == sorted(sent)
        exchange = Exchange(log, session)
        exchange.catch_up()
        assert set(exchange.fates.values()) == {"delivered"}
