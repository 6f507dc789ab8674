-- A session's events in a row: when, by whom, and whether it is a failure, a handoff, a pattern, a message or none.
WITH mine AS (SELECT position, happened_at, kind, run, agent, status FROM happenings WHERE session = $session),
names AS (SELECT run, any_value(agent) AS agent FROM mine WHERE agent IS NOT NULL GROUP BY run)
SELECT e.position, e.happened_at, coalesce(e.agent, r.agent, e.run) AS actor,
    CASE
        WHEN e.kind IN ('agent.failed', 'handoff.rejected', 'message.expired', 'limit.reached') THEN 'failure'
        WHEN e.kind = 'tool.returned' AND e.status <> 'ok' THEN 'failure'
        WHEN e.kind = 'session.ended' AND e.status <> 'completed' THEN 'failure'
        WHEN e.kind LIKE 'handoff.%' THEN 'handoff'
        WHEN e.kind LIKE 'pattern.%' THEN 'pattern'
        WHEN e.kind = 'message.sent' THEN 'message'
        ELSE 'event'
    END AS mark
FROM mine e LEFT JOIN names r ON r.run = e.run
ORDER BY e.position
