"""SQLite's and the library's errors, told as ours: what, where, and what to do."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import ConnectionPoolClosedError, PersistenceError

from orchestrion.domain.errors import LogDamaged, LogUnavailable

_DAMAGE = {sqlite3.SQLITE_CORRUPT}
_REMEDIES = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and try again, nothing acknowledged was lost",
    sqlite3.SQLITE_IOERR: "the disk failed or is full; check it and try again, nothing acknowledged was lost",
    sqlite3.SQLITE_READONLY: "it may only be read; check the rights of its folder and file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that the folder exists and that you may write to it",
    sqlite3.SQLITE_PERM: "access is denied; check the rights of its folder and file",
    sqlite3.SQLITE_NOTADB: "it is not a database; move the file away or choose another home",
    sqlite3.SQLITE_BUSY: "another process has kept it locked for too long; look for one that hangs and try again",
    sqlite3.SQLITE_LOCKED: "another process has kept it locked for too long; look for one that hangs and try again",
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise what SQLite, the library or the file system says about `path` as LogUnavailable or LogDamaged."""
    try:
        yield
    except (sqlite3.Error, PersistenceError, ConnectionPoolClosedError) as error:
        raise _sentence(path, error) from error
    except OSError as error:
        raise LogUnavailable(f"the log {path} cannot be used: {_os_remedy(error)}") from error


def _sentence(path: Path, error: Exception) -> LogUnavailable | LogDamaged:
    origin = error if isinstance(error, sqlite3.Error) else error.__cause__
    code = getattr(origin, "sqlite_errorcode", None)
    if isinstance(error, ConnectionPoolClosedError):
        return LogUnavailable(f"the log {path} was closed; open it again")
    primary = (code or 0) & 0xFF
    if primary in _DAMAGE:
        return LogDamaged(f"the log {path} is damaged ({error}); restore it from a backup or choose another home")
    remedy = _REMEDIES.get(primary, "run `orchestrion doctor`")
    return LogUnavailable(f"the log {path} cannot be used: {remedy} ({error})")


def _os_remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the disk is full; free some space and try again ({error.strerror})"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"access is denied; check the rights of {error.filename or 'its folder'} ({error.strerror})"
    if error.errno == errno.ENOTDIR:
        return f"a file stands where a folder is needed; choose another home ({error.filename})"
    said = f"{error.strerror or error} ({error.filename})" if error.filename else str(error)
    return f"{said}; look at that place, or choose another home by --home"
