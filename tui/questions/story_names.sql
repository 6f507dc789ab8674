-- What some events of a session leave out: the agents of runs, the tools of calls and when they began, messages' senders.
SELECT kind, run, agent, "call", message, any_value(tool) AS tool, any_value(type) AS type, any_value(sender) AS sender,
    min(happened_at) AS happened_at
FROM happenings
WHERE session = $session AND (
    kind = 'tool.called' AND list_contains($calls::VARCHAR[], "call")
    OR kind = 'message.sent' AND list_contains($messages::VARCHAR[], message)
    OR agent IS NOT NULL AND list_contains($runs::VARCHAR[], run)
)
GROUP BY kind, run, agent, "call", message
