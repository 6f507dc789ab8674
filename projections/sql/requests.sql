-- One row a model request, as its facts say it; `usage` adds what it cost.
-- internal:
-- key: request_id
-- kinds: usage.recorded
SELECT
    arg_min(session, rank) AS session,
    arg_min(run, rank) AS run,
    arg_min(model, rank) AS model,
    coalesce(max(input_tokens), 0) AS input_tokens,
    coalesce(max(output_tokens), 0) AS output_tokens,
    coalesce(max(cache_read_tokens), 0) AS cache_read_tokens,
    coalesce(max(cache_write_tokens), 0) AS cache_write_tokens,
    coalesce(max(cache_write_1h_tokens), 0) AS cache_write_1h_tokens,
    min(happened_at) AS happened_at,
    request_id,
    arg_min(agent, rank) AS agent,
    min(position) AS position
FROM ranked
GROUP BY request_id
