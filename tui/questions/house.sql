-- How much there is.
SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM sessions) AS sessions,
    (SELECT max(recorded_at) FROM events) AS last_recorded
