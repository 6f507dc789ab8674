-- The runs of a session (of `run_states`: `agent_runs` sums up the money of all sessions) with what each took itself, and the tool it is waiting for.
SELECT r.run, r.agent, r.parent_run, r.parent_call, r.task, r.status, r.started_at, r.ended_at, r.duration_ms,
    r.tool_calls, r.messages, r.task_id, r.phase, r.attempt, r.model, r.summary, r.reason, r.remedy, r.files_modified, r.outputs,
    u.tokens, u.spent, u.unpriced,
    CASE WHEN r.status IN ('running', 'waiting') THEN w.tool END AS current_tool
FROM run_states r
LEFT JOIN (
    SELECT run, try_cast(sum(tokens) AS BIGINT) AS tokens,
        sum(cost_microdollars)::BIGINT AS spent, count(*) FILTER (cost_microdollars IS NULL) AS unpriced
    FROM usage WHERE session = $session GROUP BY run
) u ON u.run = r.run
LEFT JOIN (
    SELECT run, arg_max(tool, position) AS tool FROM call_spans
    WHERE session = $session AND status = 'unresolved' GROUP BY run
) w ON w.run = r.run
WHERE r.session = $session
ORDER BY r.started_at NULLS LAST, r.run
