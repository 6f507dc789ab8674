-- A session's events in a row: when, by whom, and whether it is a failure, a handoff, a pattern, a message or none.
-- What several witnesses tell of one fact is marked where it is told first.
WITH mine AS (
    SELECT position, happened_at, kind, run, agent, fact,
        CASE
            WHEN kind IN ('agent.failed', 'handoff.rejected', 'message.expired', 'limit.reached') THEN 'failure'
            WHEN kind = 'tool.returned' AND status <> 'ok' THEN 'failure'
            WHEN kind = 'session.ended' AND status <> 'completed' THEN 'failure'
            WHEN kind LIKE 'handoff.%' THEN 'handoff'
            WHEN kind LIKE 'pattern.%' THEN 'pattern'
            WHEN kind = 'message.sent' THEN 'message'
            ELSE 'event'
        END AS mark
    FROM happenings WHERE session = $session
),
names AS (SELECT run, any_value(agent) AS agent FROM mine WHERE agent IS NOT NULL GROUP BY run),
told AS (SELECT kind, fact, mark, min(position) AS first FROM mine WHERE fact IS NOT NULL GROUP BY ALL)
SELECT e.position, e.happened_at, coalesce(e.agent, r.agent, e.run) AS actor,
    CASE WHEN e.position > t.first THEN 'event' ELSE e.mark END AS mark
FROM mine e
LEFT JOIN names r ON r.run = e.run
LEFT JOIN told t ON t.kind = e.kind AND t.fact = e.fact AND t.mark = e.mark
ORDER BY e.position
