"""Texts as DuckDB reads them within a statement, where values cannot be bound, or where to bind them costs a plan."""


def is_literal(text: str) -> bool:
    """Whether `text` may stand in a statement: a NUL, which C takes for the end, is left to other ways."""
    return "\0" not in text


def literal(text: str) -> str:
    """`text` in quotes. DuckDB's plain literals escape nothing but the quote."""
    return "'" + text.replace("'", "''") + "'"
