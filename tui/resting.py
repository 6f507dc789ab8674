"""Which events the figures of a session in a list rest on: the same ones in the dashboard and on the page."""

from collections.abc import Mapping

from orchestrion.tui.columns import Rests, events_of

OF_SESSION: Mapping[str, Rests] = {
    "agents": events_of("runs", "session = $session AND kind LIKE 'agent.%'", "session"),
    "tool_calls": events_of("tool calls", "session = $session AND kind LIKE 'tool.%'", "session"),
    "messages": events_of("messages", "session = $session AND kind = 'message.sent'", "session"),
    "tokens": events_of("tokens", "session = $session AND kind = 'usage.recorded'", "session"),
    "cost": events_of("cost", "session = $session AND kind = 'usage.recorded'", "session"),
    "age": events_of("events", "session = $session", "session"),
}
"""By the key of the figure's column."""
