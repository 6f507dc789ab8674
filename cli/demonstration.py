"""A first look: the built-in team at work on the bundled example, and what the log then knows of it."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.cli import exits
from orchestrion.cli.options import Format
from orchestrion.cli.settings import load_settings
from orchestrion.cli.show import chosen, out, say, table
from orchestrion.cli.teamwork import Order, carry_out
from orchestrion.cli.wiring import Home, opened
from orchestrion.domain.inert import inert

if TYPE_CHECKING:
    from orchestrion.agents import ExecutionResult
    from orchestrion.domain.ports import Verification
    from orchestrion.projections import Store

REQUEST = "Fix security vulnerability in authentication endpoint"

# What the demo asks the log, in the words that a reader can put to `orchestrion sql` as well.
QUESTIONS = (
    (
        "Who did what",
        "SELECT agent, status, duration_ms, tool_calls, messages FROM agent_runs WHERE session = ? ORDER BY started_at",
    ),
    (
        "What was found",
        """SELECT payload->>'severity' AS severity, payload->>'rule' AS rule, payload->>'file' AS file,
        CAST(payload->>'line' AS INTEGER) AS line, payload->>'issue' AS issue
        FROM messages WHERE session = ? AND type = 'finding_report' ORDER BY position""",
    ),
    (
        "Who asked whom to check it",
        """SELECT sender, recipient, type, payload->>'approved' AS approved FROM messages
        WHERE session = ? AND type LIKE 'validation_%' ORDER BY position""",
    ),
    ("What was handed over", "SELECT giver, taker, status, task FROM handoffs WHERE session = ? ORDER BY offered_at"),
)

NEXT = """Try next:
  orchestrion log last                 the same session, told again from the log
  orchestrion report last              written up, with recommendations and their evidence
  orchestrion sql "SELECT tool, count(*) AS calls FROM tool_calls GROUP BY tool"
  orchestrion plan "add tests and documentation"     in a project of your own
  orchestrion import claude-code       your own Claude Code sessions"""


def demonstrate(home: Home) -> int:
    """Run the demo in `home`; exit 0 if the team did its work and the log verifies."""
    from orchestrion.agents import example_repository

    say(f"The log is in {home.path}. The built-in team works on a copy of a small example project:")
    say(f"  orchestrion run {REQUEST!r}\n")
    with tempfile.TemporaryDirectory(prefix="orchestrion-demo-") as folder:
        workspace = Path(folder) / "example"
        shutil.copytree(example_repository(), workspace)
        result = carry_out(home, Order(REQUEST, workspace), load_settings(workspace))
    with opened(home) as (log, store):
        _tell(store, result)
        sound = log.verify()
    _judge(result, sound)
    return exits.OK if result.success and sound.ok else exits.NOT_COMPLETED if sound.ok else exits.DAMAGED


def _tell(store: "Store", result: "ExecutionResult") -> None:
    """What the log knows of the session, asked of the views."""
    for title, question in QUESTIONS:
        rows = store.query(question, (result.session,))
        out(f"\n{title} ({len(rows.rows)})")
        table(chosen(rows, rows.columns), Format.table, empty="  nothing")
    if result.diff:
        out("\nWhat the team changed (in its copy; `run --apply` brings such changes back)\n")
        out(inert(result.diff.rstrip("\n")))


def _judge(result: "ExecutionResult", sound: "Verification") -> None:
    out(f"\nSession {result.session}: {result.status}" + (f" ({inert(result.reason)})" if result.reason else ""))
    state = "verifies" if sound.ok else f"is damaged: {'; '.join(sound.problems)}"
    out(f"The log {state}, up to position {sound.position}.\n")
    say(NEXT)
