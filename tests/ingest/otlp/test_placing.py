"""Spans arrive children first, in any batches, twice, before and after a restart: the tables are those of the file."""

import copy
import json
import random

import pytest

from orchestrion.domain.errors import LogUnavailable
from orchestrion.domain.events import ImportCompleted
from orchestrion.ingest import import_paths
from orchestrion.ingest.otlp.decoding import Export
from orchestrion.ingest.otlp.taking import Taker
from orchestrion.ingest.placing import DEPTH, Placement
from orchestrion.ingest.spans import Span


@pytest.fixture
def trace(made):
    return made[0]()


def exported(*spans: Span) -> Export:
    return Export("traces", 100, copy.deepcopy(list(spans)))


@pytest.fixture
def of_the_file(workshop, made, trace):
    """The tables of the whole trace, imported as a file."""
    shop = workshop.fresh("file")
    path = workshop.folder / "trace.json"
    path.write_text(json.dumps(made[1](trace)))
    report = import_paths(shop.log, shop.redactor, "auto", [path]).as_json()
    assert (report["recorded"], report["ignored"]) == (7, 4)
    return shop.tables()


@pytest.mark.parametrize("seed", range(6))
def test_any_order_in_any_batches_with_restarts_gives_the_tables_of_the_file(workshop, trace, of_the_file, seed):
    chance = random.Random(seed)  # noqa: S311 - no secret: the same orders each time
    below = {span.id: [each.id for each in trace if each.parent == span.id] for span in trace}
    chance.shuffle(trace)
    if seed % 2:  # as most exporters do: no span before those below it; a wrapped request always ends first
        trace.sort(key=lambda span: len(_all_below(span.id, below)))
    else:
        trace.sort(key=lambda span: span.name == "chat", reverse=True)
    taker, left = Taker(workshop.log, workshop.redactor), list(trace)
    while left:
        batch, left = left[: (size := chance.randint(1, 4))], left[size:]
        taker.take([exported(*batch)])
        if chance.random() < 0.3:
            taker = Taker(workshop.log, workshop.redactor)
        if chance.random() < 0.3:
            ledger = taker.take([exported(*batch)])
            assert (ledger.recorded, ledger.conflicts) == (0, 0)
    assert workshop.tables() == of_the_file
    ledgers = [each for each in workshop.events("import") if isinstance(each, ImportCompleted)]
    assert all(each.lines == each.recorded + each.duplicates + each.ignored + each.unparseable for each in ledgers)
    assert sum(each.conflicts for each in ledgers) == 0


def _all_below(id, below):
    return [found for child in below[id] for found in (child, *_all_below(child, below))]


def test_the_file_after_the_live_spans_adds_nothing_but_its_ledger(workshop, made, trace):
    Taker(workshop.log, workshop.redactor).take([exported(*trace)])
    before = workshop.facts()
    path = workshop.folder / "trace.json"
    path.write_text(json.dumps(made[1](trace)))
    report = import_paths(workshop.log, workshop.redactor, "auto", [path]).as_json()
    assert report["ledger"][0]["conflicts"] == 0
    assert workshop.facts() == before


def test_a_call_is_told_at_once_and_gets_its_agent_when_that_ends(workshop, trace):
    taker = Taker(workshop.log, workshop.redactor)
    taker.take([exported(trace[2])])
    (call,) = workshop.rows("SELECT tool, agent, status FROM tool_calls")
    assert call == {"tool": "count", "agent": None, "status": "ok"}
    taker.take([exported(trace[8])])
    (call,) = workshop.rows("SELECT tool, agent, status FROM tool_calls")
    assert call == {"tool": "count", "agent": "lead", "status": "ok"}


def test_what_the_log_did_not_take_is_not_known(workshop, trace):
    class Locked:
        def __getattr__(self, name):
            return getattr(workshop.log, name)

        def observe(self, *_, **__):
            raise LogUnavailable("locked")

    taker = Taker(Locked(), workshop.redactor)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            taker.take([exported(*trace)])
    taker._log = workshop.log
    assert taker.take([exported(*trace)]).recorded == 7


def test_secrets_are_neither_in_facts_nor_in_what_is_kept(workshop, trace):
    trace[2].attributes["gen_ai.tool.call.arguments"] = json.dumps({"key": "Zq81-vvPo-77xL-ab"})
    trace[0].attributes["gen_ai.request.headers"] = "Zq81-vvPo-77xL-ab"
    ledger = Taker(workshop.log, workshop.redactor).take([exported(*trace)])
    stored = b"".join(row[5] for row in workshop.log.rows(after=0, limit=1000))
    kept = b"".join(workshop.log.blob(name) for name in ledger.blocks)
    assert b"vvPo" not in stored + kept
    assert kept.count(b"[REDACTED:") == 2


def test_of_plumbing_only_its_place_is_kept(workshop, trace):
    trace[10].attributes["http.request.body"] = "a whole page"
    ledger = Taker(workshop.log, workshop.redactor).take([exported(*trace)])
    assert b"a whole page" not in b"".join(workshop.log.blob(name) for name in ledger.blocks)
    assert ledger.rules == {"plumbing": 3, "model-request": 1} or ledger.rules["plumbing"] == 3


def test_circles_and_towers_of_spans_end():
    circle = [Span("t", "a", "b", "", 1, 2), Span("t", "b", "a", "", 1, 2), Span("t", "c", "c", "", 1, 2)]
    tower = [Span("u", str(n), str(n + 1), "execute_tool x", 1, 2) for n in range(3 * DEPTH)]
    for each in (*circle, *tower):
        each.attributes["gen_ai.operation.name"] = "execute_tool"
    assert Placement().place(circle) == []
    placement = Placement()
    for each in tower:
        placement.place([each])
    assert tower[0].settled
