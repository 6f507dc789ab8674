"""Shows what the log answers about sessions: how two differ, why something happened, where the time went."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.cli.asking import session_of
from orchestrion.cli.files import write_text
from orchestrion.cli.options import Format
from orchestrion.cli.plain import json_text, lasting
from orchestrion.cli.show import Sheet, answer, out, say, table
from orchestrion.cli.wiring import asked, home_of
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.inert import one_line

if TYPE_CHECKING:
    from orchestrion.projections.inquiry import Comparison, Profile

STEPS_SHOWN = 40
"""Differing steps of a comparison in a table; JSON has all."""
PATH_SHOWN = 30
"""Stretches of a critical path in a table, the longest."""
TEXT_SHOWN = 100


def differ(home: Path | None, a: str, b: str, form: Format, *, steps: bool, at: int | None) -> None:
    """Show two sessions beside each other. Raises NotFound, Refused."""
    from orchestrion.projections.inquiry import compare

    with asked(home_of(home)) as store:
        found = compare(store, session_of(store, a, at=at), session_of(store, b, at=at), at=at)
    if form is Format.json:
        return out(json_text(found.as_json()))
    rows = [(name, _cut(one), _cut(other), "same" if same else "differs") for name, one, other, same in found.aspects]
    table(Sheet(("aspect", "a", "b", ""), rows), form)
    if form is Format.table:
        out("\n" + _parting(found))
    if steps:
        differing = [pair for pair in found.pairs if pair.how != "same"][:STEPS_SHOWN]
        table(Sheet(("how", "a", "b"), [(pair.how, _step(pair.a), _step(pair.b)) for pair in differing]), form,
              empty="No step differs.")  # fmt: skip
    return None


def explain(home: Path | None, position: int, form: Format, *, limit: int, at: int | None) -> None:
    """Show the causes of an event and what followed. Raises NotFound."""
    from orchestrion.projections.inquiry import why

    with asked(home_of(home)) as store:
        found = why(store, position, at=at, limit=limit)
    causes, followed = ([link.as_row() for link in links] for links in (found.causes, found.followed))
    if form is Format.json:
        return out(json_text({"causes": causes, "followed": followed, "followed_in_all": found.total,
                              "missing_cause": found.missing}))  # fmt: skip
    columns = ("", "position", "kind", "agent", "by", "what")
    rows = [("because of" if row["depth"] else "this", *_told(row)) for row in causes]
    rows += [("then", *_told(row)) for row in followed]
    table(Sheet(columns, rows), form)
    if found.missing:
        say(f"The log names a cause that it does not hold: {found.missing}")
    if found.total > len(followed):
        say(f"{found.total - len(followed)} more events followed; --limit shows more.")
    return None


def blamed(home: Path | None, session: str, form: Format, *, at: int | None) -> None:
    """Show whom the rules blame, where the session failed or nobody knows whether it did. Raises NotFound, Refused."""
    from orchestrion.projections.inquiry import blame, outcome_of, said_in

    with asked(home_of(home)) as store:
        named = session_of(store, session, at=at)
        outcome = outcome_of(store, named, at=at)
        failed = outcome.what != "did not fail"
        found = blame(said_in(store, named, at=at)) if failed else None
    if failed and found is None:
        known = "failed" if outcome.what == "failed" else "may have failed"
        raise NotFound(
            f"session {named} {known} ({one_line(outcome.because)}), but nobody says anything in it to go by; "
            "`orchestrion report` shows what its agents did"
        )
    whom = {name: getattr(found, name, None) for name in ("agent", "step", "rule", "position")}
    told = {"session": named, "outcome": outcome.what, "because": outcome.because, "evidence": list(outcome.evidence)}
    answer(told | whom if failed or form is Format.json else told, form)
    if not failed:
        say("Nobody is blamed. If it did fail, say so: orchestrion judge RUN --verdict failed; then ask again.")
    elif outcome.what == "unknown":
        say("Whether it failed is not known; this is whom the rules would blame if it did.")


def profiled(home: Path | None, session: str, form: str, output: Path | None, *, at: int | None) -> None:
    """Show or write where a session's time went. Raises NotFound, Refused."""
    from orchestrion.projections.inquiry import flame_svg, profile

    with asked(home_of(home)) as store:
        found = profile(store, session_of(store, session, at=at), at=at)
    if form == "svg":
        return _written(flame_svg(found), output)
    if output is not None:
        kind = "json" if form == "table" else form
        if kind != "json":
            raise Refused("a profile is written to a file as json or svg; leave out --output to see a table")
        return _written(json_text(found.as_json()) + "\n", output)
    if form == "json":
        return out(json_text(found.as_json()))
    return _tables(found, Format(form))


def _tables(found: "Profile", form: Format) -> None:
    shares = [
        (s.agent, s.runs, s.ms, s.own_ms, s.in_tools_ms, s.waiting_ms,
         ", ".join(f"{tool} {lasting(ms)}" for tool, ms in list(s.tools.items())[:5]))
        for s in found.agents
    ]  # fmt: skip
    columns = ("agent", "runs", "ms", "own_ms", "in_tools_ms", "waiting_ms", "tools")
    table(Sheet(columns, shares), form, empty="No run of this session has both a beginning and an end.")
    if form is not Format.table or not found.agents:
        return
    out(f"\n{lasting(found.wall_ms)} passed; {lasting(found.work_ms)} of work: {_figure(found.achieved)} agents at "
        f"work on average, {found.most_at_once} at most")  # fmt: skip
    out(f"critical path: {lasting(found.critical_ms)} of work, {lasting(found.waiting_ms)} of waiting; "
        f"with no limit {_figure(found.possible)} agents could be at work on average")  # fmt: skip
    longest = sorted(found.path, key=lambda step: -step.ms)[:PATH_SHOWN]
    kept = sorted(longest, key=lambda step: step.began_ms)
    rows = [(step.began_ms, step.ms, step.agent, step.did, step.tool, step.position) for step in kept]
    out("")
    table(Sheet(("began_ms", "ms", "agent", "did", "tool", "position"), rows), form)
    if found.untimed_runs:
        say(f"{len(found.untimed_runs)} runs have no beginning or no end, or end before they begin: left out.")


def _written(text: str, output: Path | None) -> None:
    if output is None:
        return out(text.rstrip("\n"))
    write_text(output, text)
    return say(f"Written to {output}")


def _parting(found: "Comparison") -> str:
    if found.parting is None:
        if found.changed is None:
            return "They took the same steps."
        return f"They took the same steps; the first about something else: {_step(found.changed.a)}"
    whose, step = ("a", found.parting.a) if found.parting.a else ("b", found.parting.b)
    return f"They part here: only {whose} has {_step(step)}"


def _step(step: Any) -> str:
    if step is None:
        return ""
    return f"{step.act.position} {step.act.agent or ''} {step.act.kind} {_cut(step.act.what)}".replace("  ", " ")


def _told(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["position"], row["kind"], row["agent"], row["by"], _cut(row["what"])


def _cut(value: Any) -> Any:
    return value[: TEXT_SHOWN - 1] + "…" if isinstance(value, str) and len(value) > TEXT_SHOWN else value


def _figure(value: float | None) -> str:
    return "an unknown number of" if value is None else f"{value:g}"
