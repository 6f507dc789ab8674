-- All sessions with what they took; the age counts from the last thing known of them.
SELECT session, source, project, request, status, agents, tool_calls, messages, tokens,
    {'cost': cost_microdollars, 'unpriced': unpriced_requests} AS cost, started_at, ended_at,
    CASE WHEN ended_at <= $now::TIMESTAMP THEN date_diff('millisecond', ended_at, $now::TIMESTAMP) END AS age
FROM sessions
WHERE true
