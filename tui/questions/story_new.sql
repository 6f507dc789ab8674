-- What happened in a session, event by event, whoever tells it again; and what is no line but may name a run's agent.
SELECT position, happened_at, kind, run, agent, "call", message, data FROM happenings
WHERE session = $session
