"""Puts what is written for people where they want it: a file whole or not at all, a device or a pipe as it comes."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrion.cli.show import stop_writing
from orchestrion.domain.errors import OrchestrionError


def write(output: Path | None, parts: Iterable[bytes]) -> None:
    """Write `parts` to `output` (None: standard output). Raises OrchestrionError if it cannot be written.

    Where that is a file it stands whole or not at all (mode 0600). A device or a pipe is written to as it is, and a
    link stays one.
    """
    if output is None:
        _to_stdout(parts)
        return
    target = _target(output)
    with _told(output):
        if _is_no_file(target):
            with target.open("wb") as device:
                device.writelines(parts)
            return
        with _replacing(target) as path, path.open("wb") as file:
            file.writelines(parts)


def write_text(output: Path, text: str) -> None:
    """Write `text` (UTF-8) to `output` as by `write`."""
    write(output, [text.encode("utf-8", "backslashreplace")])


@contextmanager
def fresh(output: Path) -> Iterator[Path]:
    """The path of a new file, for who can only write to a path; what it holds then goes to `output` as by `write`."""
    target = _target(output)
    with _told(output):
        if _is_no_file(target):
            with target.open("wb") as device, tempfile.TemporaryDirectory(prefix=".orchestrion-") as folder:
                path = Path(folder) / "written"
                yield path
                with path.open("rb") as file:
                    shutil.copyfileobj(file, device)
            return
        with _replacing(target) as path:
            yield path


def _target(output: Path) -> Path:
    """What is written to where `output` is a link."""
    return Path(os.path.realpath(output))


def _is_no_file(target: Path) -> bool:
    """Whether `target` is something in whose place no file may be put."""
    return target.exists() and not target.is_file()


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A path that takes the place of `target` in one step, unless something is raised."""
    # In a folder of ours nobody sees it before its rights are set, whoever makes it.
    with tempfile.TemporaryDirectory(prefix=".orchestrion-", dir=target.parent) as folder:
        path = Path(folder) / "written"
        yield path
        path.chmod(0o600)
        path.replace(target)


@contextmanager
def _told(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OrchestrionError(f"{output} cannot be written: {error.strerror}") from error


def _to_stdout(parts: Iterable[bytes]) -> None:
    try:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        stop_writing(sys.stdout)
    except OSError as error:
        raise OrchestrionError(f"standard output cannot be written: {error.strerror}") from error
