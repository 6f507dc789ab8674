"""The second line against SQL that is no question: one statement, and nothing in it but reading.

The first line is DuckDB's locked configuration in the child (`locked.py`). A statement that sqlglot cannot read is left
to DuckDB's own parser there, which lets only SELECT and EXPLAIN pass.
"""

import logging

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from orchestrion.domain.errors import QueryRefused

_NO_QUESTION = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
    exp.Copy,
    exp.Export,
    exp.Attach,
    exp.Detach,
    exp.Install,
    exp.Set,
    exp.Pragma,
    exp.Use,
    exp.Command,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
    exp.LoadData,
    exp.Kill,
    exp.Analyze,
    exp.Comment,
    exp.Grant,
    exp.Revoke,
)


def check_question(sql: str) -> None:
    """Raises QueryRefused unless `sql` is one statement that reads, as far as sqlglot can tell."""
    if not sql.strip().strip(";").strip():
        raise QueryRefused("There is no question in it: give one SELECT, e.g. `SELECT * FROM sessions`.")
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
    except (SqlglotError, RecursionError):
        return
    if len(statements) > 1:
        raise QueryRefused(f"One question at a time: this is {len(statements)} statements.")
    for statement in statements:
        writing = statement if isinstance(statement, _NO_QUESTION) else statement.find(*_NO_QUESTION)
        if writing is not None:
            raise QueryRefused(
                f"Only questions are answered (SELECT, FROM, DESCRIBE, SUMMARIZE), not {_said(writing)}."
            )


def _said(node: exp.Expression) -> str:
    """The word a statement begins with."""
    if isinstance(node, exp.Command):
        return str(node.this).upper()
    return type(node).__name__.upper()
