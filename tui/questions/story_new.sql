-- What happened in a session, event by event, whoever tells it again.
SELECT position, happened_at, kind, run, agent, "call", message, data FROM happenings
WHERE session = $session AND kind NOT IN ('usage.recorded', 'agent.registered', 'lease.renewed')
