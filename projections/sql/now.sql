-- The last position visible here and the time it was recorded: the "now" of every answer.
-- Recorded times never go backwards, so the latest is the last one's; to look that one up takes DuckDB five times as long.
SELECT max(position) AS position, max(recorded_at) AS moment
FROM everything
