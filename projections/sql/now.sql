-- The last position visible here and the time it was recorded: the "now" of every answer.
SELECT max(position) AS position, arg_max(recorded_at, position) AS moment
FROM everything
