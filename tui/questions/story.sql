-- What happened in a session, event by event, with the names that the events themselves leave out.
WITH mine AS (SELECT position, happened_at, kind, run, agent, data FROM events WHERE session = $session),
names AS (SELECT run, any_value(agent) AS agent FROM mine WHERE kind LIKE 'agent.%' GROUP BY run)
SELECT e.position, e.happened_at, e.kind, e.run, coalesce(e.agent, r.agent, c.agent, e.run) AS agent, e.data,
    c.tool, c.duration_ms
FROM mine e
LEFT JOIN names r ON r.run = e.run
LEFT JOIN (SELECT call, agent, tool, duration_ms FROM tool_calls WHERE session = $session) c
    ON e.kind = 'tool.returned' AND c.call = e.data->>'$.call'
WHERE e.kind NOT IN ('usage.recorded', 'agent.registered')
