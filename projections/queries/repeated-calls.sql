-- Calls that a run made again and again with the same parameters.
-- param: times integer = 3 : at least so often
-- param: session text = null : only of this session
SELECT session, run, tool, params, count(*) AS times
FROM tool_calls
WHERE $session IS NULL OR session = $session
GROUP BY session, run, tool, params
HAVING times >= $times
ORDER BY times DESC, session, run, tool, params::VARCHAR
LIMIT 100
