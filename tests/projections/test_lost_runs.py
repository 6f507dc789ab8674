"""A conductor that dies without a word: its session and runs show as lost once its lease ran out by the log's clock."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from orchestrion.domain import events as e
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store


def test_runs_of_a_silent_conductor_are_lost_when_its_lease_ran_out(tmp_path: Path) -> None:
    log = MemoryLog()
    log.append(
        "session-ses_1", [e.SessionStarted(source="conductor", session="ses_1", product="orchestrion")], expect=0
    )
    log.append("run-r", [e.AgentStarted(source="conductor", session="ses_1", run="r", agent="a")], expect=0)
    (first, _) = [record for record in log.read() if isinstance(record, Record)]

    def lease(version: int, kind: Callable[..., e.Event], seconds_ago: float, **fields: object) -> None:
        at = first.recorded_at - timedelta(seconds=seconds_ago)
        event = kind(source="conductor", happened_at=at, session="ses_1", holder="h", **fields)
        log.append("lease-ses_1", [event], expect=version - 1)

    process = {"pid": 1, "born": "b", "host": "h", "lease_seconds": 60}
    with Store(log, tmp_path) as store:

        def statuses() -> list[object]:
            store.catch_up()
            asked = (store.query(f"SELECT status FROM {view}").rows for view in ("sessions", "agent_runs"))  # noqa: S608
            return [row[0] for rows in asked for row in rows]

        lease(1, e.LeaseTaken, 90, **process)
        assert statuses() == ["lost", "lost"]
        lease(2, e.LeaseRenewed, 30)
        assert statuses() == ["running", "running"]
    log.close()
