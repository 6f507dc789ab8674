"""Listens: turns other people's recorded sessions into facts."""
