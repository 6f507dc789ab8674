"""Shows: the dashboard in the terminal, the page in the browser, and the report of a session."""
