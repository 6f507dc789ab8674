-- How many sessions there are.
SELECT count(*) FROM session_spans
