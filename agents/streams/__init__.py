"""What coding agents print while they work, line by line, as facts."""
