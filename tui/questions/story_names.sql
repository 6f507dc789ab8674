-- What some events of a session leave out: the agents of runs, the tools of calls and when they began, messages' senders.
-- Of a run's other events only their kinds: there may be thousands.
SELECT kind, run, agent,
    CASE WHEN kind = 'tool.called' AND "call" IN $calls THEN "call" END AS "call",
    CASE WHEN kind = 'message.sent' AND message IN $messages THEN message END AS message,
    arg_min(tool, position) AS tool, arg_min(type, position) AS type, arg_min(sender, position) AS sender,
    min(happened_at) AS happened_at, min(position) AS position
FROM happenings
WHERE session = $session AND (
    kind = 'tool.called' AND "call" IN $calls
    OR kind = 'message.sent' AND message IN $messages
    OR agent IS NOT NULL AND run IN $runs
)
GROUP BY ALL
