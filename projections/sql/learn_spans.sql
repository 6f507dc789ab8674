-- Beginning and end of a run as its own facts and messages tell them, and the position that stands for it (its start).
-- internal:
-- key: run
-- kinds: agent.started agent.completed agent.failed message.sent incident.observed
-- newest: run, session, source, kind, coalesce(message, incident)
SELECT
    run,
    arg_min(session, rank) AS session,
    coalesce(arg_min(agent, rank) FILTER (kind LIKE 'agent.%'), arg_min(agent, rank)) AS agent,
    left(arg_min(task, rank) FILTER (kind = 'agent.started'), 400) AS task,
    arg_min(reason, rank) FILTER (kind = 'agent.failed') AS reason,
    arg_min(files_modified, rank) FILTER (kind = 'agent.completed') AS files_modified,
    arg_min(coalesce(status, CASE kind WHEN 'agent.completed' THEN 'completed' ELSE 'failed' END), rank)
        FILTER (kind IN ('agent.completed', 'agent.failed')) AS ended_as,
    arg_min(duration_ms, rank) FILTER (kind IN ('agent.completed', 'agent.failed')) AS duration_ms,
    arg_min(happened_at, rank) FILTER (kind = 'agent.started') AS began_at,
    arg_min(happened_at, rank) FILTER (kind IN ('agent.completed', 'agent.failed')) AS finished_at,
    min(happened_at) AS first_at,
    max(happened_at) AS last_at,
    bool_or(source = 'conductor') AS ours,
    arg_max(type, position) FILTER (kind IN ('incident.observed', 'message.sent')) AS last_act,
    max(position) FILTER (kind IN ('incident.observed', 'message.sent')) AS last_position,
    arg_max(type, position) FILTER (kind = 'message.sent') AS last_message,
    coalesce(min(position) FILTER (kind = 'agent.started'), min(position)) AS position
FROM ranked
GROUP BY run
ORDER BY agent, last_at
