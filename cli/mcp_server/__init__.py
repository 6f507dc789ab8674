"""The MCP server: agents of any product take part in a session and ask the log, each call of theirs a fact."""
