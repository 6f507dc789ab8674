-- One session: its facts, what its work came to, and what was expected of it.
SELECT s.*, t.*, a.*, e.*
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
    ) a,
    (
        SELECT any_value(expected.low) AS expected_low, any_value(expected.middle) AS expected,
            any_value(expected.high) AS expected_high
        FROM learn_estimates WHERE subject = $session
    ) e
