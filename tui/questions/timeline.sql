-- A session's events in a row: when, by whom, and whether it is a failure, a handoff, a pattern, a message or none.
SELECT e.position, e.happened_at, coalesce(e.agent, r.agent, e.run) AS actor,
    CASE
        WHEN e.kind IN ('agent.failed', 'handoff.rejected', 'message.expired', 'limit.reached') THEN 'failure'
        WHEN e.kind = 'tool.returned' AND e.data->>'$.status' <> 'ok' THEN 'failure'
        WHEN e.kind = 'session.ended' AND e.data->>'$.status' <> 'completed' THEN 'failure'
        WHEN e.kind LIKE 'handoff.%' THEN 'handoff'
        WHEN e.kind LIKE 'pattern.%' THEN 'pattern'
        WHEN e.kind = 'message.sent' THEN 'message'
        ELSE 'event'
    END AS mark
FROM events e LEFT JOIN (SELECT run, any_value(agent) AS agent FROM agent_runs WHERE session = $session GROUP BY run) r
    ON r.run = e.run
WHERE e.session = $session
ORDER BY e.position
