"""Resumes and cancels sessions for the command line."""

import asyncio
import getpass
from pathlib import Path

from orchestrion.cli import exits
from orchestrion.cli.advising import learnt
from orchestrion.cli.asking import session_of
from orchestrion.cli.commentary import Narrator
from orchestrion.cli.options import Format
from orchestrion.cli.settings import load_settings
from orchestrion.cli.show import answer, say
from orchestrion.cli.teamwork import show_result, telling, until_stopped
from orchestrion.cli.wiring import Home, opened, prices_of, written_log


def go_on(home: Home, session: str, form: Format) -> int:
    """Resume `session` with a live commentary and show how it ended; the exit code."""
    from orchestrion.agents import Conductor
    from orchestrion.agents.past import recall

    session = _named(home, session)
    narrator = Narrator()
    with written_log(home) as (log, _), learnt(log, home, load_settings(Path())) as known:
        for fact in recall(log, session).events:
            narrator.event(fact)  # so that it knows what the new facts speak of
        conductor = Conductor(log, home=home.path, prices=prices_of(home), learnt=known)
        execution = conductor.resume(session, observer=telling(narrator))
        result = asyncio.run(until_stopped(execution))
    for line in narrator.total(result.duration_ms):
        say(line)
    return show_result(result, form)


def stop(home: Home, session: str, reason: str | None, form: Format) -> int:
    """Cancel `session` and say how it ended; the exit code."""
    from orchestrion.agents.cancelling import cancel

    session = _named(home, session)
    with written_log(home) as (log, _):
        cancelled = cancel(log, home.path, session, by=user(), reason=reason)
    answer(cancelled.as_json(), form)
    say(f"Session {session} ended {cancelled.status}: {cancelled.reason}")
    return exits.OK


def _named(home: Home, given: str) -> str:
    """The session meant by its id, the beginning of it, or `last`; refuses a home without a log, too."""
    with opened(home) as (_, store):
        return session_of(store, given)


def user() -> str:
    """Whose process this is."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return "user"
