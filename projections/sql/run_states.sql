-- Every run with its calls, messages and status; `agent_runs` adds what it took, which not everyone asks.
-- internal:
WITH acts AS (
    SELECT run, count(*) AS tool_calls, count(*) FILTER (status = 'unresolved') AS unresolved
    FROM calls
    WHERE run IS NOT NULL
    GROUP BY run
),

asking AS (SELECT DISTINCT run FROM permissions WHERE verdict IS NULL),

said AS (SELECT run, count(*) AS messages FROM messages WHERE run IS NOT NULL GROUP BY run)

SELECT
    runs.run,
    runs.session,
    runs.agent,
    runs.parent_run,
    runs.parent_call,
    runs.task,
    runs.started_at,
    runs.ended_at,
    runs.duration_ms,
    CASE
        WHEN runs.ended_as IS NOT NULL THEN runs.ended_as
        WHEN runs.ours
            THEN CASE WHEN session_spans.ended_as IS NULL AND NOT coalesce(leased_until < moment, false)
                THEN CASE WHEN asking.run IS NULL THEN 'running' ELSE 'waiting' END
            ELSE 'lost' END
        WHEN runs.last_act LIKE 'interrupt%' THEN 'interrupted'
        WHEN runs.last_message IN ('response', 'result') AND coalesce(acts.unresolved, 0) = 0 THEN 'completed'
        ELSE 'unknown'
    END AS status,
    coalesce(acts.tool_calls, 0) AS tool_calls,
    coalesce(said.messages, 0) AS messages,
    runs.task_id,
    runs.phase,
    runs.attempt,
    runs.model,
    runs.summary,
    runs.reason,
    runs.remedy,
    runs.files_modified,
    runs.outputs,
    runs.ours
FROM run_spans AS runs
LEFT JOIN acts ON runs.run = acts.run
LEFT JOIN asking ON runs.run = asking.run
LEFT JOIN said ON runs.run = said.run
LEFT JOIN session_spans ON runs.session = session_spans.session
CROSS JOIN now
