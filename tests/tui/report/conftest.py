"""The log and the store that the report's tests play into."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store


@pytest.fixture(scope="session")
def stage() -> ModuleType:
    """The module `session_play`, for the tests have no packages."""
    spec = spec_from_file_location("session_play", Path(__file__).with_name("session_play.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def log() -> Iterator[MemoryLog]:
    log = MemoryLog()
    yield log
    log.close()


@pytest.fixture
def store(log: MemoryLog, tmp_path: Path) -> Iterator[Store]:
    with Store(log, tmp_path / "projections") as store:
        yield store
