-- Which agents fail most, and at what: runs that did not complete, with the reasons that were given.
-- param: since day = 1970-01-01 : runs that began on this day or later
SELECT
    agent,
    count(*) FILTER (status NOT IN ('completed', 'running', 'waiting', 'unknown')) AS failed,
    count(*) AS runs,
    mode(reason) FILTER (reason IS NOT NULL) AS commonest_reason
FROM agent_runs
WHERE coalesce(started_at >= $since, true)
GROUP BY agent
HAVING failed > 0
ORDER BY failed DESC, agent
