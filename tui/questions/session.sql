-- One session: its facts, and what its work came to.
SELECT s.*, t.*, a.*
FROM (SELECT * FROM sessions WHERE session = $session) s,
    (
        SELECT count(*) FILTER (status NOT IN ('ok', 'unresolved')) AS failures,
            count(*) FILTER (mcp_server IS NOT NULL) AS mcp_calls,
            avg(duration_ms) AS mean_ms, quantile_disc(duration_ms, 0.95) AS p95_ms
        FROM call_spans WHERE session = $session
    ) t,
    (
        SELECT count(*) AS approvals, count(*) FILTER (status = 'open') AS approvals_open
        FROM approvals WHERE session = $session
    ) a
