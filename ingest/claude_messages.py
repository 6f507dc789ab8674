"""What people, agents and the client say in a Claude Code transcript."""

import re
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest import claude_runs as runs
from orchestrion.ingest import claude_tools as tools
from orchestrion.ingest import usage
from orchestrion.ingest.claude_context import Context, Origin
from orchestrion.ingest.claude_rules import not_human
from orchestrion.ingest.values import mapping, text, words

HUMAN = "human"
PARENT = "parent"
"""Whom a subagent answers: its own lines do not name it, its run does."""

INTERRUPTED = "[Request interrupted by user"

_NOTIFICATION = re.compile(r"<(task|agent)-notification>(.*?)</\1-notification>", re.DOTALL)
_TAG = re.compile(r"<(task-id|agent-id|status|summary|result)>(.*?)</\1>", re.DOTALL)
_LETTER = re.compile(r"<teammate-message\b([^>]*)>(.*?)</teammate-message>", re.DOTALL)
_WRITER = re.compile(r'teammate_id="([^"]*)"')
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


def assistant(context: Context, origin: Origin, line: dict[str, Any]) -> str:
    """Tell what a line of the model brings: usage, texts, calls. Returns the rule that holds if it brings nothing."""
    message = mapping(line.get("message"))
    if line.get("isApiErrorMessage") is True:
        return incident(
            context, origin, "api_error", {"text": words(message.get("content")), "error": line.get("error")}
        )
    if message.get("model") == usage.SYNTHETIC:
        return "synthetic"
    usage.observe(context, origin, message)
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    rule = "empty-assistant"
    for index, block in enumerate(blocks if isinstance(blocks, list) else []):
        rule = _block(context, origin, mapping(block), line, index)
    return rule


def _block(context: Context, origin: Origin, block: dict[str, Any], line: dict[str, Any], index: int) -> str:
    """Tell one block of a model's message."""
    kind = str(block.get("type"))
    if kind in _CALLS:
        tools.called(context, origin, block)
        return "call-without-id"
    if kind.endswith("tool_result"):
        tools.returned(context, origin, block, line)
        return "return-without-id"
    if kind != "text":
        return "thinking" if kind in _THOUGHTS else f"unknown:block/{kind}"
    said = block.get("text")
    if not isinstance(said, str) or not said.strip():
        return "empty-assistant"
    return _say(
        context, origin, index,
        type="response",
        sender=origin.speaker,
        recipient=HUMAN if origin.main else PARENT,
        payload={"text": said},
        in_reply_to=context.prompts.get(origin.session) if origin.main else None,
    )  # fmt: skip


def _say(context: Context, origin: Origin, index: int, name: str | None = None, **said: Any) -> str:
    """Tell a message whose identity is its line's id, and the place of its block if it is not the first; or `name`."""
    if not origin.uuid:
        return "no-uuid"
    name = name or (f"{origin.uuid}:{index}" if index else origin.uuid)
    context.tell(e.MessageSent.trusted(**origin.fields(), message=name, **said))
    return ""


def user(context: Context, origin: Origin, line: dict[str, Any]) -> str:
    """Tell what a line to the model brings: tools' returns, and what was said. Returns the rule if nothing does."""
    content = mapping(line.get("message")).get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    rule, said, images = "empty-user", list[str](), 0
    for block in map(mapping, blocks if isinstance(blocks, list) else []):
        kind = str(block.get("type"))
        if kind.endswith("tool_result"):
            tools.returned(context, origin, block, line)
            rule = "return-without-id"
        elif kind == "text":
            said.append(str(block.get("text") or ""))
        elif kind in ("image", "document"):
            images += 1
        else:
            rule = f"unknown:block/{kind}"
    return _heard(context, origin, line, said, images) if any(said) or images else rule


def _heard(context: Context, origin: Origin, line: dict[str, Any], said: list[str], images: int) -> str:
    """Tell the texts of one line: notices, letters, an interruption, or a person's prompt."""
    whole = "\n\n".join(said)
    if (rule := _notice(context, origin, whole)) is not None:
        return rule
    if line.get("isCompactSummary") is True or line.get("isMeta") is True:
        return "compact-summary" if line.get("isCompactSummary") is True else "meta"
    if whole.lstrip().startswith(INTERRUPTED):
        return incident(context, origin, "interruption", {"text": whole})
    return _asked(context, origin, said, images, text(line.get("promptId")))


def _asked(context: Context, origin: Origin, said: list[str], images: int, prompt_id: str | None) -> str:
    """Tell a person's prompt, without what the client put beside it; a subagent's task is told by its spawn."""
    rules = [not_human(each) for each in said]
    prompt = "\n\n".join(each for each, rule in zip(said, rules, strict=True) if rule is None and each.strip())
    if not prompt and not images:
        return next((rule for rule in rules if rule), "empty-user")
    if not origin.main:
        return "task-prompt"
    return _prompt(context, origin, prompt, images, prompt_id)


def _prompt(context: Context, origin: Origin, prompt: str, images: int, prompt_id: str | None = None) -> str:
    """Tell what a person asked of the session's own run, under the id that hooks know it by, if it has one."""
    name = origin.uuid
    if prompt_id is not None and (origin.session, prompt_id) not in context.prompt_ids:
        context.prompt_ids.keep((origin.session, prompt_id), None)
        name = prompt_id
    payload = {"text": prompt, "images": images} if images else {"text": prompt}
    rule = _say(context, origin, 0, name, type="prompt", sender=HUMAN, recipient=origin.speaker, payload=payload)
    context.prompts.keep(origin.session, name)
    return rule


def task_of(line: dict[str, Any]) -> str | None:
    """The task that a subagent's first line gives it; None if that line is no prompt."""
    said = words(mapping(line.get("message")).get("content"))
    if line.get("type") != "user" or line.get("isMeta") is True or not said.strip() or not_human(said):
        return None
    return said


def queued(context: Context, origin: Origin, attachment: dict[str, Any]) -> str:
    """Tell what a person typed while the agent was at work."""
    prompt = words(attachment.get("prompt"))
    if (rule := _notice(context, origin, prompt)) is not None:
        return rule
    if not prompt.strip() or not origin.main or (rule := not_human(prompt)) is not None:
        return "attachment/queued_command"
    return _prompt(context, origin, prompt, 0)


def notified(context: Context, origin: Origin, content: Any, operation: str) -> str:
    """Tell what a queue operation brings: an agent's end, when it is a notice of one."""
    rule = _notice(context, origin, content) if isinstance(content, str) else None
    return rule if rule is not None else f"queue-operation/{operation}"


def _notice(context: Context, origin: Origin, said: str) -> str | None:
    """Tell what the client's notices in `said` bring; None if it holds none."""
    start = said.lstrip()
    if start.startswith(("<task-notification>", "<agent-notification>")):
        for _, inside in _NOTIFICATION.findall(said):
            tags = dict(_TAG.findall(inside))
            agent_id = tags.get("task-id") or tags.get("agent-id") or ""
            result, note = tags.get("result", "").strip(), tags.get("summary", "").strip()
            runs.ended(context, origin, agent_id.strip(), tags.get("status", "").strip(), result, note=note)
        return "task-notification"
    if start.startswith("<teammate-message"):
        return _letters(context, origin, said)
    return None


def _letters(context: Context, origin: Origin, said: str) -> str:
    """Tell what teammates wrote to this run; the client's own notices among them are ignored."""
    rule = "teammate-notice"
    for index, (attributes, body) in enumerate(_LETTER.findall(said)):
        writer = _WRITER.search(attributes)
        if writer is None or writer[1] == "system":
            continue
        rule = _say(
            context, origin, index,
            type="context_share", sender=writer[1], recipient=origin.speaker, payload={"context": body.strip()},
        )  # fmt: skip
    return rule


def incident(context: Context, origin: Origin, kind: str, detail: Any) -> str:
    """Tell of something that is neither call nor message."""
    if not origin.uuid:
        return "no-uuid"
    context.tell(e.IncidentObserved.trusted(**origin.fields(), incident=origin.uuid, type=kind, detail=detail))
    return ""


def named(value: Any) -> str:
    """`value` as the name of a kind; `none` if it has none."""
    return text(value) or "none"
