"""The Python API: what a program uses instead of the command line, exported at the root of the package."""

from orchestrion.cli.api_bus import CommunicationBus
from orchestrion.cli.api_dashboard import ExecutionDashboard
from orchestrion.cli.api_handoffs import HandoffSystem
from orchestrion.cli.api_learning import LearningSystem
from orchestrion.cli.api_logger import RuntimeLogger
from orchestrion.cli.api_orchestrator import Orchestrator

__all__ = ["CommunicationBus", "ExecutionDashboard", "HandoffSystem", "LearningSystem", "Orchestrator", "RuntimeLogger"]
