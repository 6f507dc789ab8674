"""Live events of coding agents: drains the spool that short-lived hook processes fill, and makes facts of it."""

from orchestrion.ingest.hooks.draining import Drained, drain
from orchestrion.ingest.hooks.spool import bad, spooled

__all__ = ["Drained", "bad", "drain", "spooled"]
