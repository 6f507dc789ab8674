-- Every estimate beside what happened: whether the run's duration lay within the interval (null while it is not known),
-- and how it went (see learn_records) beside the chance it was given. Tokens are input and output, without the cache's.
WITH spent AS (
    SELECT run, sum(input_tokens + output_tokens)::BIGINT AS tokens FROM usage WHERE run IS NOT NULL GROUP BY run
)

SELECT
    run,
    agent,
    session,
    expected.low AS low_ms,
    expected.middle AS expected_ms,
    expected.high AS high_ms,
    duration_ms AS actual_ms,
    duration_ms BETWEEN expected.low AND expected.high AS within,
    expected.chance AS chance,
    good,
    expected.tokens AS expected_tokens,
    spent.tokens AS actual_tokens,
    started_at,
    estimated_at AS position
FROM learn_runs LEFT JOIN spent USING (run)
WHERE expected IS NOT NULL
