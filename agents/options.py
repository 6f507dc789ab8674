"""How a session is to run: kept in its first fact, and gone by when it is resumed."""

from dataclasses import dataclass, field
from pathlib import Path

from orchestrion.agents.exchange import Talk
from orchestrion.agents.limits import Limits
from orchestrion.agents.mcp.config import McpUse
from orchestrion.agents.minds import Minds
from orchestrion.agents.past import Past


@dataclass(frozen=True)
class Options:
    """Limits, whose interpreter, whether changes come back, what all chance follows from, whose minds, whose voices."""

    limits: Limits
    python: Path | None
    apply: bool
    seed: int
    mcp: McpUse = field(default_factory=McpUse)
    minds: Minds = field(default_factory=Minds)
    talk: Talk = field(default_factory=Talk)

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        python = str(self.python) if self.python else None
        kept = {"limits": self.limits.as_json(), "python": python, "apply": self.apply, "seed": self.seed}
        return {**kept, "mcp": self.mcp.as_json(), "minds": self.minds.as_json(), "talk": self.talk.as_json()}

    @classmethod
    def of(cls, past: Past) -> "Options":
        """Those a session began with."""
        kept = past.start.options if isinstance(past.start.options, dict) else {}
        python = kept.get("python")
        limits = Limits.of(kept.get("limits") or {})
        seed, mcp = int(kept.get("seed") or 0), McpUse.of(kept.get("mcp") or {})
        minds = Minds.of_json(kept.get("minds") or {})
        return cls(limits, Path(python) if python else None, bool(kept.get("apply")), seed, mcp, minds, Talk.of(kept))
