-- How many lines the commentary of a session has.
SELECT count(*) FILTER (fact IS NULL) + count(DISTINCT (kind, fact)) FILTER (fact IS NOT NULL) FROM happenings
WHERE session = $session AND kind NOT IN ('usage.recorded', 'agent.registered', 'lease.renewed')
