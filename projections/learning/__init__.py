"""Learns: what past runs of an agent say about the next one, each word with the positions it rests on."""

from orchestrion.projections.learning.advising import LogLearnt
from orchestrion.projections.learning.calibration import Calibration, calibration
from orchestrion.projections.learning.estimating import LogEstimator, estimate
from orchestrion.projections.learning.executions import Execution, executions, learning_records
from orchestrion.projections.learning.learnings import query_learnings
from orchestrion.projections.learning.patterns import Pattern, patterns
from orchestrion.projections.learning.routing import LogRouter
from orchestrion.projections.learning.similarity import Task

__all__ = [
    "Calibration",
    "Execution",
    "LogEstimator",
    "LogLearnt",
    "LogRouter",
    "Pattern",
    "Task",
    "calibration",
    "estimate",
    "executions",
    "learning_records",
    "patterns",
    "query_learnings",
]
