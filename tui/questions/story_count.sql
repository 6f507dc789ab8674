-- How many lines the commentary of a session has.
SELECT count(*) FROM events
WHERE session = $session AND kind NOT IN ('usage.recorded', 'agent.registered', 'lease.renewed')
