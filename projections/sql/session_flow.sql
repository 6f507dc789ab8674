-- What happened in a session, in the log's order: runs, calls, messages, handoffs and incidents as one line of time.
SELECT
    session,
    position,
    happened_at,
    kind,
    run,
    agent,
    coalesce(tool, type, taker, task, status) AS subject,
    coalesce("call", message, handoff, incident) AS id
FROM facts
WHERE session IS NOT NULL AND kind NOT IN ('usage.recorded', 'agent.registered')
