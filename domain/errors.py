"""Every refusal of ours, as one tree; the command line turns each into one sentence and an exit code.

OrchestrionError                  exit 1   something of ours could not be done
├── Refused                       exit 2   the request cannot be taken as it stands
│   ├── NotFound                  exit 3   a path, session, run, agent or view that is not there
│   ├── BadDefinition             exit 2   an agent, team, plan or configuration file with an error (file and line)
│   ├── BadPlan                   exit 2   a cycle, an unknown agent, nobody able
│   ├── CannotRun                 exit 4   a part is missing: a tool, a runner, an extra (says how to get it)
│   ├── RuleBroken                exit 5   a decider said no
│   └── QueryRefused              exit 6   SQL that is not a question, or one that ran out of its limits
├── Conflict                      exit 7   the place in the stream is taken by something else
├── LogUnavailable                exit 8   the log cannot be opened, read or written (path and remedy)
│   ├── LogTooNew                 exit 8   written by a later version
│   └── LogReplaced               exit 8   the file under the open log is gone or another one
├── LogDamaged                    exit 9   verify found the log not to be what was written
├── UnreadableEvent               (none)   one stored event that this version cannot read: becomes a dead letter
└── Interrupted                   exit 130 the user stopped it
"""


class OrchestrionError(Exception):
    """Something of ours could not be done; the message is one sentence: what, where, what to do."""

    exit_code = 1


class Refused(OrchestrionError):
    """The request cannot be taken as it stands."""

    exit_code = 2


class NotFound(Refused):
    """A path, session, run, agent or view that is not there."""

    exit_code = 3


class BadDefinition(Refused):
    """A definition or configuration file with an error; names file and line."""


class BadPlan(Refused):
    """A plan that cannot be carried out: a cycle, an unknown agent, nobody able."""


class CannotRun(Refused):
    """A part is missing: a tool, a runner, an extra; says how to get it."""

    exit_code = 4


class RuleBroken(Refused):
    """A decider said no."""

    exit_code = 5


class QueryRefused(Refused):
    """SQL that is not a question, or one that ran out of its limits."""

    exit_code = 6


class Conflict(OrchestrionError):
    """The place in the stream is taken by something else."""

    exit_code = 7


class LogUnavailable(OrchestrionError):
    """The log cannot be opened, read or written."""

    exit_code = 8


class LogTooNew(LogUnavailable):
    """The log was written by a later version of Orchestrion."""


class LogReplaced(LogUnavailable):
    """The file under the open log is gone, or another file stands in its place."""


class LogDamaged(OrchestrionError):
    """The log is not what was written."""

    exit_code = 9


class UnreadableEvent(OrchestrionError):
    """One stored event that this version cannot read; it becomes a dead letter and the rest goes on."""


class Interrupted(OrchestrionError):
    """The user stopped it."""

    exit_code = 130
