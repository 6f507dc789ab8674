"""Appends: the one log, on the eventsourcing library."""
