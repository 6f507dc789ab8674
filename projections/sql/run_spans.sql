-- Every run with its span, the one definition of it: when it began, when it ended, and how long it took.
-- duration_ms is the end's own figure, else the told end, else (of imports) the last known time, minus the beginning. It
-- is NULL where nobody knows: the end lies before the beginning, or one moment is all that is known of the run.
-- internal:
SELECT * REPLACE (
    coalesce(started_at, first_at) AS started_at,
    coalesce(ended_at, CASE WHEN NOT ours THEN last_at END) AS ended_at,
    CASE
        -- Our own figure is but the difference of these two: whoever wrote 0 for a clock that jumped back made it up.
        WHEN ours AND ended_at < started_at THEN NULL
        WHEN duration_ms IS NOT NULL THEN duration_ms
        WHEN ended_at >= coalesce(started_at, first_at)
            THEN date_diff('millisecond', coalesce(started_at, first_at), ended_at)
        WHEN NOT ours AND ended_at IS NULL AND last_at > coalesce(started_at, first_at)
            THEN date_diff('millisecond', coalesce(started_at, first_at), last_at)
    END AS duration_ms
)
FROM runs
