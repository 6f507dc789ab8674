"""Speaks and wires: the command line and the composition root."""
