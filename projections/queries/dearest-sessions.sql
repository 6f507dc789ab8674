-- The sessions that cost most, in dollars; what has no known price is left out and counted.
-- param: limit integer = 20 : how many
SELECT session, project, started_at, cost_microdollars / 1000000 AS dollars, unpriced_requests, agents, tool_calls, request
FROM sessions
WHERE cost_microdollars IS NOT NULL
ORDER BY cost_microdollars DESC, session
LIMIT $limit
