"""The one table of what can be done: keys, footer, help and command palette all read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

Place = Literal[
    "everywhere", "moving", "list", "figures",
    "sessions", "session", "messages", "handoffs", "tools", "sql", "editor", "health", "replay", "prompt", "help",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `act` is Textual's action; `keys` are comma-separated; `footer` says whether it stands there."""

    act: str
    keys: str
    label: str
    help: str
    where: Place = "everywhere"
    footer: bool = False
    shown_key: str | None = None
    palette: bool = True


ACTIONS: tuple[Action, ...] = (
    Action("look('sessions')", "1", "Sessions", "All sessions, live ones first."),
    Action("look('session')", "2", "Session", "The chosen session: its runs, phases, commentary and metrics."),
    Action("look('messages')", "3", "Messages", "Who talks to whom, and what was said."),
    Action("look('handoffs')", "4", "Handoffs", "Work handed from agent to agent, by state."),
    Action("look('tools')", "5", "Tools", "Tools by count, failures and duration; the calls themselves."),
    Action("look('patterns')", "6", "Patterns", "What was discovered, by whom, on what evidence."),
    Action("look('sql')", "7", "SQL", "Ask the views yourself, in a locked-down child process."),
    Action("look('health')", "8", "Health", "The log's position, projection lag, dead letters and verification."),
    Action("help", "question_mark,f1", "Help", "Every key, by place.", footer=True, shown_key="?"),
    Action("command_palette", "ctrl+p", "Palette", "Find anything to do by its name.", footer=True, palette=False),
    Action("scope", "a", "All/one", "Show all sessions or only the chosen one.", palette=True),
    Action("rewind", "r", "Replay", "Go back in time: this session from its first event.", footer=True),
    Action("live", "l", "Live", "Leave the replay and follow the log again."),
    Action("light", "t", "Theme", "Switch between the dark and the light theme."),
    Action("app.focus_next", "tab", "Next part", "On to the next list, or the figures above it."),
    Action("app.focus_previous", "shift+tab", "Part before", "Back to the list, or the figures, before."),
    Action("back", "escape,backspace", "Back", "Close what is opened.", shown_key="esc"),
    Action("quit", "q,ctrl+q", "Quit", "Leave. The log goes on.", footer=True, shown_key="q"),
    Action("move(-1)", "up,k", "Up", "To the row, or the figure, above.", "moving", palette=False),
    Action("move(1)", "down,j", "Down", "To the row, or the figure, below.", "moving", palette=False),
    Action("aside(-1)", "left,h", "Left", "To the column, or the figure, before.", "moving", palette=False),
    Action("aside(1)", "right", "Right", "To the next column or figure.", "moving", palette=False),
    Action("page(-1)", "pageup", "Page up", "As many lines up as are seen.", "moving", palette=False),
    Action("page(1)", "pagedown", "Page down", "As many lines down as are seen.", "moving", palette=False),
    Action("edge(0)", "home", "First", "To the first row or figure.", "moving", palette=False),
    Action("edge(1)", "end", "Last", "To the last row or figure.", "moving", palette=False),
    Action("open", "enter", "Open", "Open the row; on a figure, the events it rests on.", "list", True, palette=False),
    Action("order", "o", "Order", "Order by the column under the cursor; again to turn it round.", "list", True),
    Action("evidence", "e", "Evidence", "The events that the figure under the cursor rests on.", "list"),
    Action("open", "enter", "Open", "The events that the figure rests on.", "figures", True, palette=False),
    Action("evidence", "e", "Evidence", "The same.", "figures", palette=False),
    Action("find", "slash", "Find", "Search requests, messages and tool parameters.", "sessions", True, "/"),
    Action("compare", "d", "Compare", "Lay a session beside another: d on the one, then d on the other.", "sessions"),
    Action("only_live", "v", "Live only", "Show only sessions that are running.", "sessions"),
    Action("find", "slash", "Find", "Search the messages' payloads.", "messages", True, "/"),
    Action("find", "slash", "Find", "Search tools, agents and parameters.", "tools", True, "/"),
    Action("failures", "f", "Failures", "Show only calls that failed.", "tools", True),
    Action("run_query", "ctrl+r,f5", "Run", "Run the question in the editor.", "sql", True, "^r"),
    Action("save_query", "ctrl+s", "Save", "Keep the question under a name.", "sql", True, "^s"),
    Action("older_query", "ctrl+up", "Older", "The question before, from the history.", "sql"),
    Action("newer_query", "ctrl+down", "Newer", "The question after, from the history.", "sql"),
    Action(
        "app.back",
        "escape",
        "Leave",
        "Out of the editor, where digits are typed, to the answer.",
        "editor",
        True,
        "esc",
        palette=False,
    ),
    Action("verify", "V", "Verify", "Recompute the log's chain and every body's hash.", "health", True),
    Action("app.play", "space", "Play/pause", "Play on from here, or stop.", "replay", True),
    Action("app.step(1)", "full_stop", "Step", "The next event.", "replay", True, "."),
    Action("app.step(-1)", "comma", "Step back", "The event before.", "replay", False, ","),
    Action(
        "app.step_agent(1)", "right_square_bracket", "Agent ▶", "On to where another agent acts.", "replay", True, "]"
    ),
    Action(
        "app.step_agent(-1)",
        "left_square_bracket",
        "◀ Agent",
        "Back to where another agent acted.",
        "replay",
        False,
        "[",
    ),
    Action("app.failure(1)", "n", "Failure", "On to the next failure.", "replay", True),
    Action("app.failure(-1)", "N", "Failure ◀", "Back to the failure before.", "replay", False),
    Action("app.speed(2)", "plus,equals_sign", "Faster", "Twice the speed.", "replay", False, "+"),
    Action("app.speed(0.5)", "minus", "Slower", "Half the speed.", "replay", False, "-"),
    Action("app.seek(0)", "shift+home", "Start", "To the session's first event.", "replay", False),
    Action("app.seek(1)", "shift+end", "End", "To the session's last event.", "replay", False),
    Action("app.go_to", "g", "Go to", "To a position of the log, by its number.", "replay", True),
    Action("submit", "enter", "OK", "Take what is typed.", "prompt", True, palette=False),
    Action(
        "screen.dismiss(None)",
        "escape",
        "Cancel",
        "Close it as if nothing was asked.",
        "prompt",
        True,
        "esc",
        palette=False,
    ),
    Action("dismiss", "escape,question_mark,f1,q", "Close", "Close the help.", "help", True, "esc", palette=False),
)

PLACES: dict[Place, str] = {
    "everywhere": "Everywhere",
    "moving": "In a list or among figures",
    "list": "In a list",
    "figures": "Among figures",
    "sessions": "Sessions",
    "session": "Session",
    "messages": "Messages",
    "handoffs": "Handoffs",
    "tools": "Tools",
    "sql": "SQL",
    "editor": "In the editor",
    "health": "Health",
    "replay": "Replay",
    "prompt": "Where a line is asked for",
    "help": "In this help",
}


def bindings(*places: Place) -> list[Binding]:
    """The key bindings of `places`, in the table's order."""
    return [_binding(action) for action in ACTIONS if action.where in places]


def of(place: Place) -> Iterable[Action]:
    """The actions of one place."""
    return (action for action in ACTIONS if action.where == place)


def _binding(action: Action) -> Binding:
    return Binding(
        action.keys, action.act, action.label, show=action.footer, key_display=action.shown_key, tooltip=action.help
    )
