"""Signs people in and keeps their notes."""
