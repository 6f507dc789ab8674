"""Decides: the events, the rules, the errors, the ports."""
