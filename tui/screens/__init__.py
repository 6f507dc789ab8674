"""One file a screen, its look beside it: each is a question asked of a view."""
