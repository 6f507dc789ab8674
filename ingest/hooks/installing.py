"""Changes a Claude Code settings file: shown before it is done, atomic, with a backup from which it can be undone."""

import difflib
import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from orchestrion.domain.errors import BadDefinition
from orchestrion.ingest.hooks.settings import checked, with_hooks, without_hooks

NEW_FILE_MODE = 0o600
_BOM = "\ufeff"
_NOTHING = ".none"
"""End of the name of a backup that stands for no file."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a settings file. None: no file. `exact`: it becomes what it was before we came, to the byte.

    `original` is what the file was, or would be, without us; `spent` the backup that this change uses up.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    original: bytes | None = None
    spent: Path | None = None
    exact: bool = False

    @property
    def needed(self) -> bool:
        return self.before != self.after

    @property
    def backup(self) -> Path:
        """Where the original lies once the change is done; the name tells to which content of the file it belongs."""
        return _backup(self.path, self.after or b"", none=self.original is None)

    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = ((state or b"").decode("utf-8", "replace").splitlines() for state in (self.before, self.after))
        was, will = (str(self.path) if state is not None else "/dev/null" for state in (self.before, self.after))
        return "\n".join(difflib.unified_diff(old, new, was, will, lineterm=""))


def installing(path: Path, command: str, url: str | None = None) -> Change:
    """The change that hooks `command`, or what listens at `url`, to all events in the settings file `path`.

    Raises BadDefinition.
    """
    path = _real(path)
    before = path.read_bytes() if path.exists() else None
    bom, text = _text(before, path)
    after = f"{bom}{with_hooks(text, command, path, url)}".encode()
    spent = _spent(path, before)
    if spent is not None:
        original = None if spent.name.endswith(_NOTHING) else spent.read_bytes()
    else:
        alone = f"{bom}{without_hooks(text, path)}".encode()
        original = before if before is None or not before.strip() or alone == before else alone
    return Change(path, before, after, original, spent)


def uninstalling(path: Path) -> Change:
    """The change that takes our hooks out of the settings file `path`: by its backup if nobody changed the file since,
    else by removing our entries alone. Raises BadDefinition."""
    path = _real(path)
    if not path.exists():
        return Change(path, None, None)
    before = path.read_bytes()
    spent = _spent(path, before)
    if spent is not None:
        restored = None if spent.name.endswith(_NOTHING) else spent.read_bytes()
        return Change(path, before, restored, spent=spent, exact=True)
    bom, text = _text(before, path)
    if not before.strip():
        return Change(path, before, before)
    return Change(path, before, f"{bom}{without_hooks(text, path)}".encode())


def carry_out(change: Change, *, backup: bool) -> None:
    """Write the file, whole or not at all, after its `backup` if one is wanted. Raises OSError."""
    change.path.parent.mkdir(parents=True, exist_ok=True)
    mode = change.path.stat().st_mode & 0o777 if change.before is not None else NEW_FILE_MODE
    if backup:
        _write(change.backup, change.original or b"", mode)
    if change.after is None:
        change.path.unlink(missing_ok=True)
    else:
        _write(change.path, change.after, mode)
    if change.spent is not None and not (backup and change.spent == change.backup):
        change.spent.unlink(missing_ok=True)


def _text(state: bytes | None, path: Path) -> tuple[str, str]:
    """A byte order mark if there is one, and the settings as text; an empty file is one without settings."""
    if state is None or not state.strip():
        return "", "{}\n"
    try:
        text = state.decode("utf-8")
    except UnicodeDecodeError as error:
        line = state.count(b"\n", 0, error.start) + 1
        raise BadDefinition(f"{path}:{line}: not UTF-8 text (byte {error.start})") from error
    bom, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    checked(text, path)
    return bom, text


def _real(path: Path) -> Path:
    """The file itself: settings are often links into a folder of dotfiles, and the link must stay."""
    return Path(os.path.realpath(path))


def _backup(path: Path, content: bytes, *, none: bool) -> Path:
    mark = sha256(content).hexdigest()[:12]
    return path.with_name(f"{path.name}.before-orchestrion-{mark}{_NOTHING if none else ''}")


def _spent(path: Path, content: bytes | None) -> Path | None:
    """The backup that belongs to the file as it is."""
    candidates = [_backup(path, content, none=none) for none in (False, True)] if content is not None else []
    return next((candidate for candidate in candidates if candidate.exists()), None)


def _write(path: Path, content: bytes, mode: int) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(file)
        partial.chmod(mode)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
