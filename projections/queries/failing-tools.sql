-- Tools by how often they fail, with their commonest error.
-- param: calls integer = 5 : only tools with at least so many answered calls
WITH told AS (
    SELECT tool, left(error, 120) AS beginning
    FROM tool_calls
    WHERE error IS NOT NULL
    GROUP BY tool, beginning
    -- Of those that came equally often, the first by the alphabet: mode() would name any.
    QUALIFY row_number() OVER (PARTITION BY tool ORDER BY count(*) DESC, beginning) = 1
)

SELECT
    c.tool,
    count(*) FILTER (c.status NOT IN ('ok', 'unresolved')) AS failures,
    count(*) FILTER (c.status <> 'unresolved') AS answered,
    round(100 * failures / answered, 1) AS percent,
    min(told.beginning) AS commonest_error
FROM tool_calls AS c
LEFT JOIN told ON c.tool IS NOT DISTINCT FROM told.tool
GROUP BY c.tool
HAVING answered >= $calls AND failures > 0
ORDER BY percent DESC, c.tool
