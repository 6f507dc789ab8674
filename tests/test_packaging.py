"""The wheel holds every room and everything that a room reads, and the root stays light."""

import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
ROOMS = ("domain", "eventstore", "projections", "agents", "ingest", "tui", "cli")


def folders_with_code() -> set[str]:
    inits = [path for room in ROOMS for path in (ROOT / room).rglob("__init__.py")]
    folders = {path.parent.relative_to(ROOT) for path in inits if "example_repository" not in path.parts}
    return {"orchestrion", *(".".join(("orchestrion", *folder.parts)) for folder in folders)}


def test_every_folder_with_code_is_a_listed_package() -> None:
    assert set(SETUP["packages"]) == folders_with_code()


def test_every_file_a_room_reads_is_package_data() -> None:
    packages = {ROOT.joinpath(*name.split(".")[1:]): name for name in SETUP["packages"]}
    missing = []
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            if path.is_dir() or "__pycache__" in path.parts or _is_module(path, packages):
                continue
            package = next(parent for parent in path.parents if parent in packages)
            globs = SETUP["package-data"]["*"] + SETUP["package-data"].get(packages[package], [])
            if not any(_matches(str(path.relative_to(package)), glob) for glob in globs):
                missing.append(str(path.relative_to(ROOT)))
    assert missing == []


def _is_module(path: Path, packages: dict[Path, str]) -> bool:
    return path.suffix == ".py" and path.parent in packages


def _matches(name: str, glob: str) -> bool:
    """Whether setuptools' `glob` takes the file: `**` crosses folders, `*` does not."""
    if "**" in glob:
        return name.startswith(glob.partition("**")[0])
    return name.count("/") == glob.count("/") and fnmatch(name, glob)


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("pydantic", "duckdb", "textual", "eventsourcing")
    code = f"import orchestrion, sys; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_public_name_can_be_had() -> None:
    import orchestrion

    assert orchestrion.__all__ == sorted(orchestrion._ROOMS)
    for name in orchestrion.__all__:
        assert getattr(orchestrion, name).__name__ == name
