"""Shows the log in a browser: one read-only page on loopback, live, and the terminal dashboard in a page."""
