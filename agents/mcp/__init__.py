"""MCP servers beside the agents: started, asked, shared and remembered with; its library is an extra."""
