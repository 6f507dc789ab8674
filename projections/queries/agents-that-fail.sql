-- Which agents fail most, and at what: runs that did not complete, with the reasons that were given.
-- param: since day = 1970-01-01 : runs that began on this day or later
WITH seen AS (SELECT agent, status, reason FROM agent_runs WHERE coalesce(started_at >= $since, true)),

told AS (
    SELECT agent, reason
    FROM seen
    WHERE reason IS NOT NULL
    GROUP BY agent, reason
    -- Of those that were given equally often, the first by the alphabet: mode() would name any.
    QUALIFY row_number() OVER (PARTITION BY agent ORDER BY count(*) DESC, reason) = 1
)

SELECT
    seen.agent,
    count(*) FILTER (seen.status NOT IN ('completed', 'running', 'waiting', 'unknown')) AS failed,
    count(*) AS runs,
    min(told.reason) AS commonest_reason
FROM seen
LEFT JOIN told ON seen.agent IS NOT DISTINCT FROM told.agent
GROUP BY seen.agent
HAVING failed > 0
ORDER BY failed DESC, seen.agent
