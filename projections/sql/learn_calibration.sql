-- Every estimate beside what happened: whether the run's duration lay within the interval (null while it is not known),
-- and how it went (see learn_records) beside the chance it was given.
SELECT
    learn_estimates.subject AS run,
    coalesce(learn_estimates.expected.agent, learn_runs.agent) AS agent,
    learn_runs.session,
    learn_estimates.expected.low AS low_ms,
    learn_estimates.expected.middle AS expected_ms,
    learn_estimates.expected.high AS high_ms,
    learn_runs.duration_ms AS actual_ms,
    learn_runs.duration_ms BETWEEN learn_estimates.expected.low AND learn_estimates.expected.high AS within,
    learn_estimates.expected.chance AS chance,
    learn_runs.good,
    learn_runs.started_at,
    learn_estimates.position
FROM learn_estimates
LEFT JOIN learn_runs ON learn_estimates.subject = learn_runs.run
