-- One row a run, as its own facts say it; `run_spans` tells how long it took, `agent_runs` adds counts and the status of
-- what was never ended. position is its start, else the first that is known of it.
-- internal:
-- key: run
-- kinds: agent.started agent.completed agent.failed tool.* message.sent usage.recorded incident.observed handoff.offered
-- newest: run, session, source, kind
SELECT
    run,
    arg_min(session, rank) AS session,
    coalesce(arg_min(agent, rank) FILTER (kind LIKE 'agent.%'), arg_min(agent, rank)) AS agent,
    arg_min(parent_run, rank) AS parent_run,
    arg_min(parent_call, rank) AS parent_call,
    arg_min(task, rank) FILTER (kind = 'agent.started') AS task,
    arg_min(task_id, rank) AS task_id,
    arg_min(model, rank) FILTER (kind = 'agent.started') AS model,
    arg_min(phase, rank) AS phase,
    arg_min(attempt, rank) AS attempt,
    min(happened_at) AS first_at,
    max(happened_at) AS last_at,
    arg_min(happened_at, rank) FILTER (kind = 'agent.started') AS started_at,
    arg_min(happened_at, rank) FILTER (kind IN ('agent.completed', 'agent.failed')) AS ended_at,
    arg_min(duration_ms, rank) FILTER (kind IN ('agent.completed', 'agent.failed')) AS duration_ms,
    arg_min(coalesce(status, CASE kind WHEN 'agent.completed' THEN 'completed' ELSE 'failed' END), rank)
        FILTER (kind IN ('agent.completed', 'agent.failed')) AS ended_as,
    arg_min(summary, rank) AS summary,
    arg_min(reason, rank) FILTER (kind = 'agent.failed') AS reason,
    arg_min(remedy, rank) AS remedy,
    arg_min(files_modified, rank) AS files_modified,
    arg_min(outputs, rank) AS outputs,
    bool_or(source = 'conductor') AS ours,
    arg_max(CASE kind WHEN 'incident.observed' THEN type WHEN 'message.sent' THEN type ELSE kind END, position)
        FILTER (kind NOT IN ('usage.recorded', 'agent.started')) AS last_act,
    arg_max(type, position) FILTER (kind = 'message.sent') AS last_message,
    coalesce(min(position) FILTER (kind = 'agent.started'), min(position)) AS position
FROM ranked
GROUP BY run
