-- Every run of an agent: on what task, started by whom, how long, how it ended, with its own calls and messages.
-- A run is the instance; it is listed as soon as any act of it is known. Status is what its end says. Without one a run
-- of ours is running, waiting for a person's approval, or lost once its session has ended or its conductor's lease ran out (now is the last recorded
-- time). An import never invents an end: interrupted if the last
-- thing known of the run is an interruption, completed if the last message it sent is a response or a result and none
-- of its calls is unresolved, else unknown.
-- duration_ms is the end's own figure, else last minus first known time; NULL where the end lies before the beginning or
-- only one moment is known.
-- Its own requests' tokens (NULL where nobody recorded any) and cost are called own_…, so that `usage` and `sessions` can
-- be joined without doubt;
-- total_cost_microdollars has the cost of all runs that it led to besides, each once. A cost leaves out unpriced_requests (those of the run itself), the
-- total total_unpriced_requests, and is NULL where nothing is known.
WITH RECURSIVE spent AS (
    SELECT
        run,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(output_tokens)::BIGINT AS output_tokens,
        sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
        sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
        try_cast(sum(cost_microdollars) AS BIGINT) AS cost_microdollars,
        count(*) FILTER (cost_microdollars IS NULL) AS unpriced_requests
    FROM usage
    WHERE run IS NOT NULL
    GROUP BY run
),

-- Pairs, each once: runs that (against all sense) led to each other end the recursion too.
led AS (
    SELECT parent_run AS run, run AS child FROM runs WHERE parent_run IS NOT NULL
    UNION
    SELECT runs.parent_run, led.child FROM led INNER JOIN runs ON led.run = runs.run WHERE runs.parent_run IS NOT NULL
),

below AS (
    SELECT led.run, sum(spent.cost_microdollars) AS cost, sum(spent.unpriced_requests) AS unpriced
    FROM led INNER JOIN spent ON led.child = spent.run
    WHERE led.child <> led.run
    GROUP BY led.run
)

SELECT
    s.* EXCLUDE (ours),
    spent.input_tokens AS own_input_tokens,
    spent.output_tokens AS own_output_tokens,
    spent.cache_read_tokens AS own_cache_read_tokens,
    spent.cache_write_tokens AS own_cache_write_tokens,
    spent.cost_microdollars AS own_cost_microdollars,
    coalesce(spent.unpriced_requests, 0) AS unpriced_requests,
    try_cast(coalesce(spent.cost_microdollars + below.cost, spent.cost_microdollars, below.cost) AS BIGINT)
        AS total_cost_microdollars,
    (coalesce(spent.unpriced_requests, 0) + coalesce(below.unpriced, 0))::BIGINT AS total_unpriced_requests
FROM run_states AS s
LEFT JOIN spent ON s.run = spent.run
LEFT JOIN below ON s.run = below.run
