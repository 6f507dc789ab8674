"""One conductor holds a session; a dead one's place may be taken, a living one's not."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrion.domain import events as e
from orchestrion.domain import lease as leases
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import RuleBroken

T = datetime(2026, 1, 1, tzinfo=UTC)


def take(holder: str, *, alive: bool | None, after: int = 0) -> leases.Take:
    return leases.Take("ses_1", holder, 1, "born", "host", 60, alive, T + timedelta(seconds=after))


def held(*commands: leases.Command) -> leases.Lease:
    lease = leases.Lease()
    for command in commands:
        lease = replay(leases.evolve, lease, leases.decide(lease, command))
    return lease


def test_a_free_session_can_be_held() -> None:
    assert held(take("a", alive=None)).holder == "a"


def test_the_place_of_a_living_holder_is_not_taken() -> None:
    with pytest.raises(RuleBroken, match="process 1 on host; let it end, or stop it with: orchestrion cancel ses_1"):
        held(take("a", alive=None), take("b", alive=True, after=1000))


def test_the_place_of_a_dead_holder_is_taken_at_once() -> None:
    assert held(take("a", alive=None), take("b", alive=False)).holder == "b"


def test_a_holder_on_another_machine_has_its_time_from_its_last_sign_of_life() -> None:
    renewed = (take("a", alive=None), leases.Renew("ses_1", "a", T + timedelta(seconds=30)))
    with pytest.raises(RuleBroken, match="its lease ends at 2026-01-01 00:01:30 UTC"):
        held(*renewed, take("b", alive=None, after=89))
    assert held(*renewed, take("b", alive=None, after=90)).holder == "b"


def test_who_lost_the_session_cannot_renew_it() -> None:
    with pytest.raises(RuleBroken, match="taken over by another conductor"):
        held(take("a", alive=None), take("b", alive=False), leases.Renew("ses_1", "a", T))


def test_a_lease_lapses_once_when_it_is_over_and_its_holder_does_not_live() -> None:
    taken = held(take("a", alive=None))

    def lapse(after: int, alive: bool | None) -> list[e.Event]:
        return list(leases.decide(taken, leases.Lapse("ses_1", alive, T + timedelta(seconds=after))))

    assert lapse(59, None) == lapse(60, True) == []
    (event,) = lapse(60, False)
    assert event.holder == "a"
    lapsed = leases.evolve(taken, event)
    assert list(leases.decide(lapsed, leases.Lapse("ses_1", None, T + timedelta(seconds=99)))) == []
    renewed = leases.evolve(lapsed, e.LeaseRenewed(source="conductor", holder="a", happened_at=T))
    assert not renewed.lapsed, "a machine that only slept goes on"
