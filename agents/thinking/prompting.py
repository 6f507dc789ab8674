"""What a thinking agent is told: who it is and the rules, its task, and what others gave it, marked as data."""

import json
from typing import Any

from orchestrion.agents.permissions import RUN, permitted
from orchestrion.agents.runner import Work
from orchestrion.agents.thinking.quoting import Fence

MAX_QUOTED_LETTERS = 60_000
"""Of one thing that was handed over."""


def instructions(work: Work, fence: Fence) -> str:
    """The agent's own instructions, and the rules of the house."""
    agent = work.agent
    rules = [
        f"You are {agent.name}, an agent in a team. You work on a copy of a project; paths are relative to it.",
        "Do your task with your tools, then finish with the tool `finish`. What you did not do, do not claim.",
        fence.rule,
    ]
    if agent.writes and not work.validates:
        files = ", ".join(agent.writes) if isinstance(agent.writes, tuple) else "any of the project's files"
        rules.append(f"You may write: {files}.")
    else:
        rules.append("You write no files.")
    if not permitted(agent, RUN, ""):
        rules.append("A person must approve a command before it runs; if it is denied, go on without it.")
    return "\n\n".join(part for part in (agent.instructions.strip(), "# Rules\n\n" + "\n".join(rules)) if part)


def prompt(work: Work, fence: Fence) -> str:
    """The task, and what was handed over."""
    parts = [f"# Task\n\n{work.task}"]
    if work.files:
        parts.append("Work on these files:\n" + fence.quote("\n".join(work.files), "paths"))
    for name, value in work.context.items():
        if value:
            parts.append(f"# {_TITLES.get(name, name)}\n\n{fence.quote(_text(value), name)}")
    return "\n\n".join(parts) + "\n"


_TITLES = {
    "handoffs": "Handed over to you",
    "rework": "Your work was rejected; put this right",
    "validation": "The changes you are to check",
    "assistance_request": "You are asked for help",
}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False, default=str)
    if len(text) <= MAX_QUOTED_LETTERS:
        return text
    return f"{text[:MAX_QUOTED_LETTERS]}\n[… {len(text) - MAX_QUOTED_LETTERS} letters left out]"
