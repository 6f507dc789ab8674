-- What happened in a session, event by event, with the names that the events themselves leave out; of events alone,
-- for nothing is up to date sooner.
WITH mine AS (SELECT position, happened_at, kind, run, agent, data FROM events WHERE session = $session),
names AS (SELECT run, any_value(agent) AS agent FROM mine WHERE agent IS NOT NULL GROUP BY run),
calls AS (
    SELECT data->>'$.call' AS call, any_value(data->>'$.tool') AS tool, min(happened_at) AS called_at
    FROM mine WHERE kind = 'tool.called' GROUP BY call
),
sent AS (
    SELECT data->>'$.message' AS message, any_value(data->>'$.type') AS type, any_value(data->>'$.sender') AS sender
    FROM mine WHERE kind = 'message.sent' GROUP BY message
)
SELECT e.position, e.happened_at, e.kind, e.run, coalesce(e.agent, r.agent, e.run) AS agent, e.data, c.tool,
    m.type AS message_type, m.sender,
    greatest(0, date_diff('millisecond', c.called_at, e.happened_at)) AS duration_ms
FROM mine e
LEFT JOIN names r ON r.run = e.run
LEFT JOIN calls c ON e.kind = 'tool.returned' AND c.call = e.data->>'$.call'
LEFT JOIN sent m ON e.kind LIKE 'message.%' AND m.message = e.data->>'$.message'
WHERE e.kind NOT IN ('usage.recorded', 'agent.registered', 'lease.renewed')
