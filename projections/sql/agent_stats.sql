-- How each agent does: runs, failures, how long a run takes (median and 95th percentile), calls and tokens.
WITH spent AS (
    SELECT run, sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens
    FROM usage
    GROUP BY run
)

SELECT
    agent,
    count(*) AS runs,
    count(*) FILTER (status = 'completed') AS completed,
    count(*) FILTER (status NOT IN ('completed', 'running', 'waiting', 'unknown')) AS failures,
    quantile_disc(duration_ms, 0.5) AS p50_ms,
    quantile_disc(duration_ms, 0.95) AS p95_ms,
    sum(tool_calls)::BIGINT AS tool_calls,
    sum(messages)::BIGINT AS messages,
    coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
    coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens
FROM agent_runs
LEFT JOIN spent ON agent_runs.run = spent.run
GROUP BY agent
