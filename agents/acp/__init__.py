"""Agents that speak the Agent Client Protocol: started, spoken to, served and refused; its library is an extra."""
