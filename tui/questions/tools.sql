-- Each tool: how often, how often in vain, how long.
SELECT tool, count(*) AS calls, count(*) FILTER (status NOT IN ('ok', 'unresolved')) AS failures,
    quantile_disc(duration_ms, 0.5) AS p50_ms, quantile_disc(duration_ms, 0.95) AS p95_ms,
    max(duration_ms) AS slowest_ms, $session::VARCHAR AS session
FROM call_spans
WHERE $session::VARCHAR IS NULL OR session = $session
GROUP BY tool
