"""The hook events of Claude Code: all are taken when they come, and all but a few are asked for."""

EVENTS = (
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PostToolBatch",
    "Notification",
    "UserPromptSubmit",
    "UserPromptExpansion",
    "SessionStart",
    "SessionEnd",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "PreModelSwitch",
    "PostModelSwitch",
    "PermissionRequest",
    "PermissionDenied",
    "Setup",
    "TeammateIdle",
    "TaskCreated",
    "TaskCompleted",
    "Elicitation",
    "ElicitationResult",
    "ConfigChange",
    "WorktreeCreate",
    "WorktreeRemove",
    "InstructionsLoaded",
    "CwdChanged",
    "FileChanged",
    "DirectoryAdded",
    "MessageDisplay",
)

NOT_ASKED_FOR = {
    "WorktreeCreate": "a hook on it replaces the making of the worktree, so one that only listens breaks it",
    "WorktreeRemove": "it belongs to WorktreeCreate",
    "MessageDisplay": "it would start a process for each piece of text that appears; Stop brings the whole message",
}
"""Events that `install` leaves alone, and why. What arrives of them all the same is recorded."""
