-- What is neither call nor message: interruptions, compactions, API errors, retries.
-- key: incident
-- kinds: incident.observed
SELECT
    incident,
    arg_min(session, rank) AS session,
    arg_min(run, rank) AS run,
    arg_min(agent, rank) AS agent,
    arg_min(type, rank) AS type,
    arg_min(detail, rank) AS detail,
    arg_min(happened_at, rank) AS happened_at,
    min(position) AS position
FROM ranked
GROUP BY incident
