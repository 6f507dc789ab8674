-- No tool fails more often than it may.
-- param: percent number = 5 : of its answered calls
-- param: calls integer = 20 : tools with fewer answered calls are left alone
SELECT
    tool,
    count(*) FILTER (status NOT IN ('ok', 'unresolved')) AS failures,
    count(*) FILTER (status <> 'unresolved') AS answered,
    round(100 * failures / answered, 2) AS failed_percent
FROM tool_calls
GROUP BY tool
HAVING answered >= $calls AND 100 * failures > $percent * answered
ORDER BY failed_percent DESC, tool
