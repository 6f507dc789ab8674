-- What happened in a session, event by event; of events alone, for nothing is up to date sooner.
SELECT position, happened_at, kind, run, agent, "call", message, data FROM happenings
WHERE session = $session AND kind NOT IN ('usage.recorded', 'agent.registered', 'lease.renewed')
