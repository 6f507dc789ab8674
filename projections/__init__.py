"""Reads: replays the log into DuckDB and answers from there."""
