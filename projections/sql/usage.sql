-- Tokens of every model request, once: the largest value of each field that was seen of it; and what it cost in millionths
-- of a dollar by the first price that holds for its model, its day and its length (see `prices`), NULL where none is known.
-- cache_write_1h_tokens are those of cache_write_tokens that are kept for an hour. Without a time, today's price is taken.
-- tokens are all of them: what was read and written, fresh and cached.
-- agent is what the request's own facts say, NULL where they do not: `agent_runs` knows the agent of its run.
SELECT
    r.session,
    r.run,
    r.model,
    r.input_tokens,
    r.output_tokens,
    r.cache_read_tokens,
    r.cache_write_tokens,
    r.happened_at,
    r.request_id,
    r.agent,
    r.cache_write_1h_tokens,
    -- Four counts of 63 bits may sum up to more than one can hold.
    try_cast(
        r.input_tokens::HUGEINT + r.output_tokens + r.cache_read_tokens + r.cache_write_tokens AS BIGINT
    ) AS tokens,
    -- A DOUBLE holds every whole number up to 2^53 exactly: a request of nine thousand dollars.
    CASE
        WHEN greatest(r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_tokens) = 0 THEN 0
        ELSE try_cast(floor((
            r.input_tokens::DOUBLE * p.input + r.output_tokens::DOUBLE * p.output
            + r.cache_read_tokens::DOUBLE * p.cache_read
            + (r.cache_write_tokens - least(r.cache_write_1h_tokens, r.cache_write_tokens))::DOUBLE * p.cache_write
            + least(r.cache_write_1h_tokens, r.cache_write_tokens)::DOUBLE * p.cache_write_1h
            + 500000
        ) / 1000000) AS BIGINT)
    END AS cost_microdollars
FROM requests AS r
LEFT JOIN model_prices AS p
    ON
        r.model = p.model
        AND (p.since IS NULL OR coalesce(r.happened_at >= p.since, p.until IS NULL))
        AND (p.until IS NULL OR coalesce(r.happened_at < p.until, false))
        AND r.input_tokens::DOUBLE + r.cache_read_tokens + r.cache_write_tokens >= p.least_tokens
        AND coalesce(r.input_tokens::DOUBLE + r.cache_read_tokens + r.cache_write_tokens < p.under_tokens, true)
