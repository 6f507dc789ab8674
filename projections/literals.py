"""Texts as DuckDB reads them within a statement, where values cannot be bound, or where to bind them costs a plan."""


def is_literal(text: str) -> bool:
    """Whether `text` can stand in a statement: a NUL would end it."""
    return "\0" not in text


def literal(text: str) -> str:
    """`text` in quotes. DuckDB's plain literals escape nothing but the quote."""
    return "'" + text.replace("'", "''") + "'"
