"""The second line against SQL that is no question: one statement, and nothing in it but reading.

The first line is DuckDB's locked configuration in the child (`locked.py`). A statement that sqlglot cannot read is left
to DuckDB's own parser there, which lets only SELECT and EXPLAIN pass.
"""

import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from orchestrion.domain.errors import QueryRefused

_QUESTIONS = (exp.Query, exp.Values, exp.Describe, exp.Summarize, exp.Show)
_WRITING = (exp.DML, exp.DDL, exp.Merge, exp.Copy, exp.Attach, exp.Detach, exp.Set, exp.Pragma, exp.Command)
_EXPLAIN = re.compile(r"\s*EXPLAIN(\s+ANALYZE)?\b", re.IGNORECASE)


def check_question(sql: str) -> None:
    """Raises QueryRefused unless `sql` is one statement that reads, as far as sqlglot can tell."""
    sql = _EXPLAIN.sub("", sql, count=1)
    if not sql.strip().strip(";").strip():
        raise QueryRefused("There is no question in it: give one SELECT, e.g. `SELECT * FROM sessions`.")
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        statements = [statement for statement in sqlglot.parse(sql, read="duckdb") if statement is not None]
    except (SqlglotError, RecursionError):
        return
    if len(statements) != 1:
        raise QueryRefused(f"One question at a time: this is {len(statements)} statements.")
    found = statements[0]
    # Some queries count as data manipulation in sqlglot's own tree.
    inner = (node for node in found.find_all(*_WRITING) if not isinstance(node, _QUESTIONS))
    writing = next(inner, None) if isinstance(found, _QUESTIONS) else found
    if writing is not None:
        raise QueryRefused(f"Only questions are answered (SELECT, FROM, DESCRIBE, SUMMARIZE), not {_said(writing)}.")


def _said(node: exp.Expr) -> str:
    """The word a statement begins with."""
    return (str(node.this) if isinstance(node, exp.Command | exp.Column) else type(node).__name__).upper()
