-- What happened in a session, event by event, of several witnesses of a fact the first; of events alone, for nothing is
-- up to date sooner.
SELECT position, happened_at, kind, run, agent, "call", message, data FROM happenings
LEFT JOIN (SELECT kind, fact, min(position) AS first FROM happenings WHERE session = $session GROUP BY ALL) AS told
    USING (kind, fact)
WHERE session = $session AND kind NOT IN ('usage.recorded', 'agent.registered', 'lease.renewed')
    AND (fact IS NULL OR position = first)
