-- How each agent does: runs, failures, how long a run takes (median and 95th percentile), calls, tokens and what its own
-- requests cost (without unpriced_requests; NULL where nothing is known).
SELECT
    agent,
    count(*) AS runs,
    count(*) FILTER (status = 'completed') AS completed,
    count(*) FILTER (status NOT IN ('completed', 'running', 'waiting', 'unknown')) AS failures,
    quantile_disc(duration_ms, 0.5) AS p50_ms,
    quantile_disc(duration_ms, 0.95) AS p95_ms,
    sum(tool_calls)::BIGINT AS tool_calls,
    sum(messages)::BIGINT AS messages,
    sum(own_input_tokens)::BIGINT AS input_tokens,
    sum(own_output_tokens)::BIGINT AS output_tokens,
    try_cast(sum(own_cost_microdollars) AS BIGINT) AS cost_microdollars,
    sum(unpriced_requests)::BIGINT AS unpriced_requests
FROM agent_runs
GROUP BY agent
