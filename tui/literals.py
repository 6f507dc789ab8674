"""Puts values into a question as DuckDB literals.

The store brings up to date only those read models that a question reads, and DuckDB tells which only of a statement
without parameters; of one with parameters all would be brought up to date, which takes ten times as long.
"""

import re
from collections.abc import Mapping
from datetime import datetime


class OneOf(tuple[str, ...]):
    """Texts as `IN` takes them: DuckDB compares a column with those in much less time than with a list's."""


_TEXT_OR_NAME = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\$[a-z_]+\b")


def bound(sql: str, params: Mapping[str, object]) -> str:
    """`sql` with the literal of its value for each `$name` outside of quoted text and comments."""

    def value(match: re.Match[str]) -> str:
        found = match[0]
        return literal(params[found[1:]]) if found.startswith("$") else found

    return _TEXT_OR_NAME.sub(value, sql)


def literal(value: object) -> str:
    """A value as DuckDB reads it (https://duckdb.org/docs/sql/data_types/literal_types): in quoted text only `'` has
    a meaning. Raises TypeError for a type that no question of ours has."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case datetime():
            return f"TIMESTAMP '{value.replace(tzinfo=None).isoformat(sep=' ')}'"
        case str():
            # What no UTF-8 can hold is in no view either; a NUL would end the statement.
            text = value.encode("utf-8", "replace").decode().replace("\0", "␀")
            return "'" + text.replace("'", "''") + "'"
        case list() | tuple():
            items = ", ".join(literal(item) for item in value)
            return f"({items or 'NULL'})" if isinstance(value, OneOf) else f"[{items}]"
        case _:
            raise TypeError(f"no literal for {type(value).__name__}")
