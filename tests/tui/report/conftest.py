"""The log and the store that the report's tests play into."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store


def _loaded(name: str) -> ModuleType:
    """A module that stands beside this one, for the tests have no packages."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stage() -> ModuleType:
    """The module `session_play`."""
    return _loaded("session_play")


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    """The module `hostile`."""
    return _loaded("hostile")


@pytest.fixture
def log() -> Iterator[MemoryLog]:
    log = MemoryLog()
    yield log
    log.close()


@pytest.fixture
def store(log: MemoryLog, tmp_path: Path) -> Iterator[Store]:
    with Store(log, tmp_path / "projections") as store:
        yield store
