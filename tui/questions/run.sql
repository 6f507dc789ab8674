-- One run as it is; what nobody recorded of its tokens is unknown, which `agent_runs` sums up as 0.
SELECT agent_runs.* REPLACE (
    CASE WHEN recorded THEN own_input_tokens END AS own_input_tokens,
    CASE WHEN recorded THEN own_output_tokens END AS own_output_tokens,
    CASE WHEN recorded THEN own_cache_read_tokens END AS own_cache_read_tokens,
    CASE WHEN recorded THEN own_cache_write_tokens END AS own_cache_write_tokens
)
FROM agent_runs, (SELECT count(*) > 0 AS recorded FROM usage WHERE run = $run)
WHERE run = $run
