-- Tokens of a session over time, in at most 120 equal stretches; `stretch` counts from 0.
WITH seen AS (
    SELECT epoch_ms(happened_at) AS ms, tokens
    FROM usage WHERE session = $session AND happened_at IS NOT NULL AND tokens IS NOT NULL
),
ends AS (SELECT min(ms) AS first, max(ms) AS last FROM seen)
SELECT least(119, CASE WHEN last > first THEN 120 * (ms - first) // (last - first) ELSE 0 END) AS stretch,
    sum(tokens)::BIGINT AS tokens
FROM seen, ends
GROUP BY stretch
ORDER BY stretch
