-- What happened in a session, event by event, with the names that the events themselves leave out.
SELECT e.position, e.happened_at, e.kind, e.run, coalesce(e.agent, r.agent, e.run) AS agent, e.data,
    c.tool, c.duration_ms
FROM (SELECT * FROM events WHERE session = $session AND kind NOT IN ('usage.recorded', 'agent.registered')) e
LEFT JOIN (SELECT run, any_value(agent) AS agent FROM agent_runs WHERE session = $session GROUP BY run) r
    ON r.run = e.run
LEFT JOIN (SELECT call, tool, duration_ms FROM tool_calls WHERE session = $session) c
    ON e.kind = 'tool.returned' AND c.call = e.data->>'$.call'
