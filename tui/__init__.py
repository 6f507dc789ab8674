"""Shows: the dashboard (a later issue fills this room)."""
