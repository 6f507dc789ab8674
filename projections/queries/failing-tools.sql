-- Tools by how often they fail, with their commonest error.
-- param: calls integer = 5 : only tools with at least so many answered calls
SELECT
    tool,
    count(*) FILTER (status NOT IN ('ok', 'unresolved')) AS failures,
    count(*) FILTER (status <> 'unresolved') AS answered,
    round(100 * failures / answered, 1) AS percent,
    mode(left(error, 120)) FILTER (error IS NOT NULL) AS commonest_error
FROM tool_calls
GROUP BY tool
HAVING answered >= $calls AND failures > 0
ORDER BY percent DESC, tool
