-- Every readable event with what its telling needs: whose it is, of which call or message, and its stored state.
-- Several witnesses may tell of one `fact`: their events have its kind and its name.
-- internal:
SELECT
    position,
    happened_at,
    kind,
    session,
    run,
    agent,
    "call",
    message,
    tool,
    type,
    sender,
    status,
    data,
    CASE
        WHEN kind = 'session.started' THEN session
        WHEN kind IN ('agent.started', 'agent.completed', 'agent.failed') THEN run
        WHEN kind IN ('tool.called', 'tool.returned') THEN "call"
        WHEN kind = 'message.sent' THEN message
    END AS fact
FROM facts
