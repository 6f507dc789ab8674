"""The screens that have a tab."""

from orchestrion.tui.screens.handoffs import Handoffs
from orchestrion.tui.screens.health import Health
from orchestrion.tui.screens.messages import Messages
from orchestrion.tui.screens.patterns import Patterns
from orchestrion.tui.screens.session import Session
from orchestrion.tui.screens.sessions import Sessions
from orchestrion.tui.screens.sql import Sql
from orchestrion.tui.screens.tools import Tools
from orchestrion.tui.screens.view import View

LOOKS: dict[str, type[View]] = {
    screen.here: screen for screen in (Sessions, Session, Messages, Handoffs, Tools, Patterns, Sql, Health)
}
