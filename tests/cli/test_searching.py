"""Search: what was asked, said, called and answered is found by its words, ranked, up to date, and inert."""

import json
import random
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog, open_log
from orchestrion.projections.ranking import ranked
from orchestrion.projections.search import MAX_CANDIDATES, SearchIndex
from orchestrion.projections.terms import excerpt, expression


def said(message: str, text: str, session: str = "s", **more: Any) -> e.MessageSent:
    about = {"source": "transcript", "session": session, "happened_at": datetime(2026, 3, 1, tzinfo=UTC)}
    return e.MessageSent(message=message, sender="main", recipient="x", type="response", payload={"text": text},
                         **about, **more)  # fmt: skip


def returned(call: str, result: Any, session: str = "s") -> e.ToolReturned:
    return e.ToolReturned(source="transcript", session=session, call=call, status="ok", result=result)


def record(home: Path, *events: e.Event) -> None:
    log = open_log(home)
    log.observe([witnessed(event) for event in events])
    log.close()


def positions(speak: Any, home: Path, *words: str) -> list[int]:
    return [hit["position"] for hit in speak("search", *words, "--home", home, "--format", "json").json]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    shared = {"source": "transcript", "session": "s", "run": "s/main"}
    record(
        home,
        e.SessionStarted(source="transcript", session="s", product="p", request="Repair the Café's payment gateway"),
        said("m1", "The gateway refuses; the gateway is down"),
        e.ToolCalled(call="c1", tool="Bash", params={"command": "curl --retry 3 example.invalid/pay_now"}, **shared),
        returned("c1", "needle " + "hay " * 4000 + "thread"),
        e.ToolReturned(source="hook", session="s", call="c1", status="ok", result="needle seen by the hook"),
        said("m2", "unrelated gateway", session="other"),
    )
    return home


def test_requests_messages_parameters_and_results_are_found(program, speak, home) -> None:
    hit = program("search", "payment", "gateway", "--home", home, "--format", "json").json[0]
    assert (hit["position"], hit["session"], hit["kind"]) == (1, "s", "session.started")
    assert "payment gateway" in hit["excerpt"]
    assert positions(speak, home, "retry") == [3]
    assert positions(speak, home, "pay_now") == [3]
    assert positions(speak, home, "BASH") == [3]
    assert positions(speak, home, "cafe") == [1]
    assert positions(speak, home, "nowhere") == []


def test_the_whole_of_a_large_result_is_searched_and_the_excerpt_is_where_the_match_is(speak, home) -> None:
    hit = speak("search", "thread", "--home", home, "--format", "json").json[0]
    assert hit["position"] == 4
    assert hit["excerpt"].endswith("hay thread")


def test_better_matches_come_first_and_one_fact_comes_once(speak, home) -> None:
    hits = speak("search", "gateway", "--home", home, "--format", "json").json
    assert {hit["position"] for hit in hits} == {1, 2, 6}
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert hits[-1]["position"] == 1, "the longest text with one match is the worst"
    assert len(positions(speak, home, "needle")) == 1


def test_quotes_ask_for_an_order_and_a_star_for_a_beginning(speak, home) -> None:
    assert positions(speak, home, '"gateway refuses"') == [2]
    assert positions(speak, home, '"refuses gateway"') == []
    assert positions(speak, home, "refus*") == [2]


OPERATORS = ["gateway AND", "NOT gateway", "gateway NEAR(", "text:gateway", "gateway; DROP TABLE", "'", '"', "("]


@pytest.mark.parametrize("text", [*OPERATORS, "^gateway", "{a b}:c", "-gateway", "\ud800 gateway"])
def test_nothing_that_is_typed_is_an_operator(speak, home, text: str) -> None:
    told = speak("search", "--home", home, "--format", "json", "--", text)
    assert told.code in (0, 2), told.err
    assert "fts5" not in told.err


def test_it_can_be_narrowed_to_a_session_and_to_the_past(speak, home) -> None:
    hits = speak("search", "gateway", "--session", "oth", "--home", home, "--format", "json").json
    assert [hit["position"] for hit in hits] == [6]
    hits = speak("search", "gateway", "--at", "1", "--home", home, "--format", "json").json
    assert [hit["position"] for hit in hits] == [1]
    assert len(speak("search", "gateway", "--limit", "2", "--home", home, "--format", "json").json) == 2
    assert speak("search", "gateway", "--session", "none", "--home", home).code == 3


def test_what_comes_later_never_changes_what_was_found_nor_its_order(speak, tmp_path: Path) -> None:
    chance = random.Random(3)  # noqa: S311 - texts, no secrets
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    early = [
        said(f"m{n}", " ".join(chance.choices(("amber", "birch", "cedar", "dune"), (1, 2, 3, 9), k=4 + n % 17)))
        for n in range(60)
    ]
    late = [said(f"l{n}", "amber " * 30 + "dune " * (n % 3)) for n in range(200)] + [said("x", "ember " * 900)]
    record(cut, *early)
    record(whole, *early, *late)
    for words in (["amber"], ["amber", "dune"], ["cedar", "birch"], ['"dune dune"'], ["a*", "cedar"]):
        then = speak("search", *words, "--at", "60", "--limit", "100", "--home", whole, "--format", "json").json
        assert then == speak("search", *words, "--limit", "100", "--home", cut, "--format", "json").json
        assert len({hit["score"] for hit in then}) > 3
        assert then[0]["score"] == 1


def test_more_than_are_ranked_are_the_best_of_the_newest_then_the_others(tmp_path: Path) -> None:
    log = MemoryLog()
    total = MAX_CANDIDATES + 20
    texts = ["common " * (1 + n % 7) + f"filler{n} " * 5 for n in range(total)]
    log.observe([witnessed(said(f"m{n}", text)) for n, text in enumerate(texts)])
    with SearchIndex(log, tmp_path) as index:
        index.catch_up()
        found = index.search("common", limit=total)
        assert (len(found.hits), found.more) == (total, True)
        assert [hit.position for hit in found.hits[MAX_CANDIDATES:]] == list(range(20, 0, -1))
        assert {hit.score for hit in found.hits[MAX_CANDIDATES:]} == {0.0}
        assert found.hits[0].score == 1
        assert not index.search("filler7").more


def test_of_very_long_texts_the_beginnings_are_ranked_and_all_are_found() -> None:
    texts = {n: "word " * (n + 1) * 20_000 for n in range(40)}
    found = ranked({**texts, 99: "other " * 1_000_000 + "word"}, '"word"')
    assert {position for position, _ in found} == {*texts, 99}
    assert found[-1] == (99, 0.0)


def test_what_is_new_is_found_and_a_spoiled_or_foreign_index_is_made_again(speak, home) -> None:
    assert positions(speak, home, "fresh") == []
    record(home, said("m3", "something fresh"))
    assert positions(speak, home, "fresh") == [7]
    index = home / "projections" / "search.db"
    assert stat.S_IMODE(index.stat().st_mode) == 0o600
    for spoiled in (b"no database at all" * 100, index.read_bytes()[:9000], b""):
        for end in ("-wal", "-shm"):
            index.with_name(index.name + end).unlink(missing_ok=True)
        index.write_bytes(spoiled)
        assert positions(speak, home, "fresh") == [7]
    with sqlite3.connect(index) as con:
        con.execute("UPDATE meta SET identity = 'another log'")
    con.close()
    assert positions(speak, home, "fresh") == [7]


class Forgetful(MemoryLog):
    """A log of which bodies were erased."""

    erased: frozenset[str] = frozenset()

    def blob(self, name: str) -> bytes:
        if name in self.erased:
            raise NotFound(name)
        return super().blob(name)


def test_an_erased_body_is_not_found_any_more(tmp_path: Path) -> None:
    log = Forgetful()
    log.observe([witnessed(returned("c1", "hay " * 4000 + "thread")), witnessed(returned("c2", "thread"))])
    body = json.loads(log.rows(after=0, limit=1)[0][5])["bodies"]["result"]["hash"]
    with SearchIndex(log, tmp_path) as index:
        index.catch_up()
        assert len(index.search("thread").hits) == 2
        log.erased = frozenset({body})
        log.observe([witnessed(e.BodyErased(source="user", body=body, reason="asked for", by="me"))])
        index.catch_up()
        assert [hit.position for hit in index.search("thread").hits] == [2]
        index.catch_up()
        assert [hit.position for hit in index.search("hay").hits] == [1]


def test_in_one_go_or_in_many_the_index_finds_the_same(tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - the same in every run
    words = [f"w{i}" for i in range(12)]
    log = MemoryLog()
    with SearchIndex(log, tmp_path / "many") as many, SearchIndex(log, tmp_path / "one") as one:
        for number in range(60):
            log.observe([witnessed(said(f"m{number}", " ".join(chance.choices(words, k=5))))])
            if number % 7 == 0:
                many.catch_up()
        many.catch_up()
        one.catch_up()
        for query in [*words, "w1 w2", '"w3 w4"']:
            assert many.search(query) == one.search(query)


def test_an_empty_log_and_no_log(speak, tmp_path: Path) -> None:
    open_log(tmp_path / "empty").close()
    said_ = speak("search", "word", "--home", tmp_path / "empty")
    assert (said_.code, said_.out) == (0, "")
    assert "Nothing in the log matches" in said_.err
    assert speak("search", "word", "--home", tmp_path / "none").code == 3
    assert speak("search", "::", "--home", tmp_path / "empty").code == 2


def test_hostile_text_is_shown_inert(speak, poisoned) -> None:
    out = speak("search", "clipboard*", "--home", poisoned).out + speak("search", "owned", "--home", poisoned).out
    assert "owned" in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_excerpts_and_expressions() -> None:
    assert excerpt("a " * 500 + "needle " + "b " * 500, ["needle"]).count("needle") == 1
    assert excerpt("x", ["zzz"]) == "x"
    assert expression('one "two three" fo*') == '"one" AND "two three" AND "fo" *'
    with pytest.raises(Refused, match="at most"):
        expression("w " * 40)
