-- How each tool does: calls, failures (everything that came back but ok), their share, and how long a call takes.
SELECT
    tool,
    mcp_server,
    count(*) AS calls,
    count(*) FILTER (status NOT IN ('ok', 'unresolved')) AS failures,
    count(*) FILTER (status = 'unresolved') AS unresolved,
    round(failures / nullif(calls - unresolved, 0), 4) AS failure_rate,
    quantile_disc(duration_ms, 0.5) AS p50_ms,
    quantile_disc(duration_ms, 0.95) AS p95_ms
FROM tool_calls
GROUP BY tool, mcp_server
