"""The code base of the demo: a small service with real faults, shipped as data."""

from pathlib import Path


def example_repository() -> Path:
    """Its folder. Never worked on in place: every session takes a copy."""
    return Path(__file__).parent / "example_repository"
