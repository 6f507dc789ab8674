-- One event as it stands in the log.
SELECT * FROM events WHERE position = $position
