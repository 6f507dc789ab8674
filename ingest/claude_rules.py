"""The names of what a Claude Code transcript holds and the log does not: every ignored line has one of these rules."""

PLAIN_TYPES = frozenset(
    {
        "file-history-snapshot",
        "summary",
        "custom-title",
        "agent-name",
        "agent-color",
        "agent-setting",
        "ai-title",
        "last-prompt",
        "permission-mode",
        "mode",
        "tag",
        "pr-link",
        "worktree-state",
        "relocated",
        "bridge-session",
        "frame-link",
        "api-request",
        "api-request-blob",
        "api-request-shape",
        "tools-used",
        "atis-latch",
        "cost-state",
        "started",
        "result",
    }
)
"""Line types that are bookkeeping of the client; the rule is the type's name."""

PROGRESS = frozenset(
    {
        "hook_progress",
        "bash_progress",
        "powershell_progress",
        "mcp_progress",
        "waiting_for_task",
        "query_update",
        "search_results_received",
        "skill_progress",
    }
)
"""Kinds of progress that say nothing the call's return does not say; the rule is `progress/<kind>`."""

SYSTEM = frozenset({"stop_hook_summary", "turn_duration", "local_command", "bridge_status", "session_start"})
"""Subtypes of system lines that are no incident; the rule is `system/<subtype>`."""

INCIDENTS = {
    "compact_boundary": "compaction",
    "microcompact_boundary": "microcompaction",
    "api_error": "api_error",
    "api_refusal": "api_refusal",
    "model_refusal_fallback": "model_fallback",
    "error": "error",
}
"""Subtypes of system lines that are incidents, and their type in the log."""

ATTACHMENTS = frozenset(
    {
        "hook_success",
        "hook_cancelled",
        "hook_additional_context",
        "hook_system_message",
        "hook_permission_decision",
        "hook_stopped_continuation",
        "async_hook_response",
        "task_reminder",
        "task_status",
        "todo",
        "todo_reminder",
        "skill_listing",
        "invoked_skills",
        "dynamic_skill",
        "deferred_tools_delta",
        "mcp_instructions_delta",
        "agent_listing_delta",
        "nested_memory",
        "relevant_memories",
        "plan_mode",
        "plan_mode_exit",
        "plan_mode_reentry",
        "plan_file_reference",
        "auto_mode",
        "auto_mode_exit",
        "file",
        "edited_text_file",
        "edited_image_file",
        "compact_file_reference",
        "directory",
        "selected_lines_in_ide",
        "opened_file_in_ide",
        "diagnostics",
        "date_change",
        "ultrathink_effort",
        "output_style",
        "command_permissions",
        "critical_system_reminder",
        "token_usage",
        "budget_usd",
        "mcp_resource",
        "agent_mention",
        "team_context",
    }
)
"""Kinds of attachments that the client put into the context by itself; the rule is `attachment/<kind>`."""

HOOK_ERRORS = frozenset({"hook_non_blocking_error", "hook_blocking_error", "hook_error_during_execution", "hook_error"})
"""Kinds of attachments that tell of a failed hook: incidents."""

NOT_HUMAN = (
    ("<command-name>", "slash-command"),
    ("<command-message>", "slash-command"),
    ("<command-args>", "slash-command"),
    ("<local-command-stdout>", "local-command"),
    ("<local-command-stderr>", "local-command"),
    ("<local-command-caveat>", "local-command"),
    ("Caveat: The messages below were generated", "local-command"),
    ("<bash-input>", "bash-mode"),
    ("<bash-stdout>", "bash-mode"),
    ("<bash-stderr>", "bash-mode"),
    ("<system-reminder>", "system-reminder"),
    ("<user-prompt-submit-hook>", "system-reminder"),
    ("<user-memory-input>", "memory-input"),
    ("<ide_opened_file>", "ide-context"),
    ("<ide_selection>", "ide-context"),
    ("<ide_diagnostics>", "ide-context"),
)
"""Beginnings of user texts that no human typed as a prompt, and the rule they fall under."""


def not_human(text: str) -> str | None:
    """The rule for a user text that is no human's prompt, None if it is one."""
    start = text.lstrip()
    return next((rule for beginning, rule in NOT_HUMAN if start.startswith(beginning)), None)
