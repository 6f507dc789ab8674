"""Asks of one log what no single transcript can tell: why, what else, what if, and where the time went."""

from orchestrion.projections.inquiry.blaming import Blame, blame, said_in
from orchestrion.projections.inquiry.causes import Why, why
from orchestrion.projections.inquiry.comparing import Comparison, Pair, compare
from orchestrion.projections.inquiry.flame import flame_svg
from orchestrion.projections.inquiry.outcomes import Outcome, outcome_of
from orchestrion.projections.inquiry.profiling import Profile, profile
from orchestrion.projections.inquiry.supposing import Supposed, Supposition, suppose

__all__ = [
    "Blame",
    "Comparison",
    "Outcome",
    "Pair",
    "Profile",
    "Supposed",
    "Supposition",
    "Why",
    "blame",
    "compare",
    "flame_svg",
    "outcome_of",
    "profile",
    "said_in",
    "suppose",
    "why",
]
