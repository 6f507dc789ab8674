"""The exit codes: what each number means, and which one an error gives."""

from orchestrion.domain.errors import OrchestrionError

OK = 0
FAILED = 1
DAMAGED = 9
NOT_COMPLETED = 10
CHECK_FAILED = 11
INTERRUPTED = 130

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (OK, "done"),
    (FAILED, "something of ours could not be done"),
    (2, "the request, an option or a definition file cannot be taken as it stands"),
    (3, "a path, session, run, agent or view is not there"),
    (4, "a part is missing: a tool, a runner, an extra"),
    (5, "a rule of the log's subjects says no"),
    (6, "SQL that is not a question, or one that ran out of its limits"),
    (7, "the place in the log is taken by something else"),
    (8, "the log cannot be opened, read or written"),
    (DAMAGED, "verify or rebuild --prove found something that is not what was written"),
    (NOT_COMPLETED, "the team's session ended without completing; its report says why"),
    (CHECK_FAILED, "a check of `assert` found what should not be there"),
    (INTERRUPTED, "you stopped it"),
)

# What the system says in these cases is true but no sentence for people.
_ERRNO_REMEDIES = {
    "ENOSPC": "the disk is full; free some space and try again",
    "EDQUOT": "your disk quota is used up; free some space and try again",
    "EROFS": "the file system is read-only; choose another folder with --home",
    "EACCES": "you have no right to it; change its rights or choose another folder with --home",
    "EPERM": "you have no right to it; change its rights or choose another folder with --home",
    "EMFILE": "too many files are open; raise the limit (ulimit -n)",
}


def sentence_of(error: BaseException) -> tuple[str, int]:
    """What to tell about `error`, and the exit code."""
    if isinstance(error, OrchestrionError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return _of_system(error), FAILED
    if type(error).__module__ == "sqlite3":  # asked so, for importing it is work that no help text needs
        return f"the log could not be used: {error}; `orchestrion doctor` looks for the reason", 8
    if isinstance(error, MemoryError):
        return "there was not enough memory", FAILED
    return (
        f"unexpected {type(error).__name__}: {error} (this is a fault of Orchestrion; "
        "ORCHESTRION_DEBUG=1 shows where it happened)",
        FAILED,
    )


def is_interruption(error: BaseException) -> bool:
    """Whether `error` is what DuckDB makes of Ctrl-C while it works: it says so in these words, and names no cause."""
    return type(error) is RuntimeError and str(error) == "Query interrupted"


def epilog() -> str:
    """The table as the end of `--help`."""
    lines = [f"{code:>5}  {meaning}" for code, meaning in EXIT_CODES]
    return "\b\nExit codes:\n" + "\n".join(lines)


def _of_system(error: OSError) -> str:
    import errno

    name = errno.errorcode.get(error.errno or 0, "")
    remedy = _ERRNO_REMEDIES.get(name, error.strerror or str(error))
    return f"{error.filename}: {remedy}" if error.filename else remedy
